"""How much one client may ask of the emulator, so that none can take it down."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """connections: beyond it a client is refused when it opens; as the service's quota.

    handshake_seconds: until a client must have opened its connection.
    idle_seconds: silence after which a connection is cut. Clients are asked for twice as many
    signs of life, as AMQP advises.
    output_bytes: what may wait for a client that reads slowly; then deliveries wait in the queue.
    backlog_bytes: of small answers for such a client; beyond it nothing more is read from it.
    partial_bytes: of messages that a connection has begun to send and not yet ended.
    reply_bytes: of replies to requests that may wait on one link.
    linger_seconds: for a client to take the last words before it is cut off.
    """

    connections: int = 5000
    handshake_seconds: float = 60.0
    idle_seconds: float = 240.0
    output_bytes: int = 1 << 20
    backlog_bytes: int = 1 << 24
    partial_bytes: int = 1 << 28
    reply_bytes: int = 1 << 24
    linger_seconds: float = 5.0
