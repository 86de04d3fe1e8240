"""One client's connection: handshake, heartbeats, sessions, and the end of it all.

Frames that go out are collected and written once for each turn of the event loop, after the store
has committed: so nothing is acknowledged that is not on disk, and many acknowledgements share one
transaction. Whatever a client sends that is malformed ends its own connection with the reason.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from typing import Final

from retrain.local.servicebus.amqp import (
    Array,
    DecodeError,
    Symbol,
    UByte,
    UInt,
    UShort,
    encode_described_list,
)
from retrain.local.servicebus.amqp.performatives import (
    Begin,
    Close,
    End,
    Open,
    SaslInit,
    read,
)
from retrain.local.servicebus.door import Cuttable
from retrain.local.servicebus.engine.clock import LoopClock
from retrain.local.servicebus.engine.namespace import Namespace
from retrain.local.servicebus.sas import Keys
from retrain.local.servicebus.wire import outcomes
from retrain.local.servicebus.wire.claims import Claims
from retrain.local.servicebus.wire.frames import (
    AMQP_HEADER,
    MAX_FRAME,
    SASL_FRAME,
    SASL_HEADER,
    FrameReader,
    FramingError,
    frame,
)
from retrain.local.servicebus.wire.session import ProtocolViolation, Session

log = logging.getLogger(__name__)

_MECHANISMS: Final = Array(Symbol(name) for name in ("ANONYMOUS", "PLAIN", "MSSBCBS", "EXTERNAL"))
#: AMQP's smallest maximum, until the client has said what it takes.
_MIN_FRAME: Final = 512
_CHANNELS: Final = 255
#: Seconds between heartbeats at least, however impatient the client.
_MIN_BEAT: Final = 0.1


class Connection(asyncio.Protocol):
    """`commit` writes what is to be on disk before an answer goes out.

    keys: of which tokens are; None when any token is taken.
    """

    def __init__(
        self,
        namespace: Namespace,
        commit: Callable[[], None],
        connections: set[Cuttable],
        keys: Keys | None,
    ) -> None:
        self.namespace = namespace
        # Clients make and renew their tokens by the real time, whatever the emulator's `now` is.
        self.claims = Claims(keys, LoopClock(), self._check_claims)
        self.max_frame = _MIN_FRAME
        self._commit = commit
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = FrameReader()
        self._out: list[bytes] = []
        self._sessions: dict[int, Session] = {}
        self._beat: asyncio.TimerHandle | None = None
        self._opened = self._closed = False
        self._held_until = 0.0

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            for kind, channel, body in self._reader.feed(data):
                if self._closed:
                    return
                if kind < 0:
                    self._header(body)
                elif body:
                    self._frame(channel, body)
        except FramingError as error:
            self._fail("amqp:connection:framing-error", f"Malformed frame: {error}.")
        except DecodeError as error:
            self._fail("amqp:decode-error", f"Malformed AMQP: {error}.")
        except ProtocolViolation as error:
            self._fail(error.condition, str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._closed = True
        self.claims.stop()
        if self._beat:
            self._beat.cancel()
        for session in self._sessions.values():
            session.close(failed=True)
        self._sessions.clear()

    def abort(self) -> None:
        """Cut it, without a word."""
        self._closed = True
        if self._transport:
            self._transport.abort()

    # -- out

    def send(self, channel: int, body: bytes, payload: bytes = b"") -> None:
        """Queue a frame; it goes out when this turn of the event loop is over."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(frame(channel, body, payload))

    def hold(self, seconds: float) -> None:
        """Say nothing for so long; then all of it, in order."""
        self._held_until = max(self._held_until, self._loop.time() + seconds)

    def _flush(self) -> None:
        if self._held_until and self._loop.time() < self._held_until:
            self._loop.call_at(self._held_until, self._flush)
            return
        if self._transport is None or self._transport.is_closing():
            self._out.clear()
            return
        try:
            self._commit()
        except sqlite3.Error:
            # Nothing may be acknowledged that is not kept: the client learns it by the cut.
            log.exception("a client is cut off, since its messages can't be written to disk")
            self._out.clear()
            self.abort()
            return
        self._transport.write(b"".join(self._out))
        self._out.clear()

    def _fail(self, condition: str, description: str) -> None:
        log.warning("a connection is closed: %s", description)
        self._close(outcomes.error(condition, description))

    def _close(self, error: bytes | None = None) -> None:
        self._closed = True
        if self._opened:
            self.send(0, encode_described_list(0x18, error))
        self._flush()
        if self._transport:
            self._transport.close()

    # -- in

    def _header(self, header: bytes) -> None:
        if header == SASL_HEADER:
            self._out.append(SASL_HEADER)
            self._sasl(0x40, _MECHANISMS)
        elif header == AMQP_HEADER:
            self._out.append(AMQP_HEADER)
            self._flush()
        else:  # AMQP's way to say which protocol it would be
            self._out.append(SASL_HEADER)
            self._fail("amqp:not-implemented", f"{header!r} is no header of AMQP 1.0")

    def _sasl(self, code: int, field: object) -> None:
        self._out.append(frame(0, encode_described_list(code, field), kind=SASL_FRAME))
        self._flush()

    def _frame(self, channel: int, body: bytes) -> None:
        performative, payload = read(body)
        session = self._sessions.get(channel)
        if isinstance(performative, SaslInit):
            self._log_in(performative)
        elif isinstance(performative, Open):
            self._open(performative)
        elif not self._opened:
            raise ProtocolViolation("amqp:illegal-state", "a frame came before open")
        elif isinstance(performative, Close):
            self._close()
        elif isinstance(performative, Begin):
            self._begin(channel, performative)
        elif session is None:
            return  # the SDK detaches links of a session that it has ended
        elif isinstance(performative, End):
            self._end(channel, session)
        else:
            session.receive(performative, body, payload)

    def _log_in(self, wanted: SaslInit) -> None:
        """PLAIN names a key; all others come in and show tokens later."""
        if wanted.mechanism == "PLAIN":
            _, name, value, *_ = *(wanted.initial_response or b"").split(b"\0"), b"", b""
            if not self.claims.login(name.decode(errors="replace"), value.decode(errors="replace")):
                self._sasl(0x44, UByte(1))
                self._fail("amqp:unauthorized-access", "A client's key is not known.")
                return
        self._sasl(0x44, UByte(0))
        self._reader.expect_header = True

    def _check_claims(self) -> None:
        for session in self._sessions.values():
            session.check_claims()

    def _open(self, wanted: Open) -> None:
        if self._opened:
            raise ProtocolViolation("amqp:illegal-state", "open came twice")
        self._opened = True
        self.max_frame = max(_MIN_FRAME, min(wanted.max_frame_size or MAX_FRAME, MAX_FRAME))
        self.send(
            0, encode_described_list(0x10, "retrain", None, UInt(MAX_FRAME), UShort(_CHANNELS))
        )
        if wanted.idle_time_out:
            self._heartbeat(max(_MIN_BEAT, wanted.idle_time_out / 2000))

    def _heartbeat(self, every: float) -> None:
        self.send(0, b"")
        self._beat = self._loop.call_later(every, self._heartbeat, every)

    def _begin(self, channel: int, begin: Begin) -> None:
        if channel in self._sessions or channel > _CHANNELS:
            raise ProtocolViolation("amqp:not-allowed", f"channel {channel} can't begin a session")
        self._sessions[channel] = Session(self, channel, begin)

    def _end(self, channel: int, session: Session) -> None:
        del self._sessions[channel]
        session.close(failed=False)
        self.send(channel, encode_described_list(0x17))
