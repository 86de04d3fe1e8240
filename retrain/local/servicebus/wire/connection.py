"""One client's connection: handshake, heartbeats, sessions, and the end of it all.

Whatever a client sends that is malformed ends its own connection with the reason. A client that
says nothing for too long, or never comes to the point, is cut off.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
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
from retrain.local.servicebus.wire.limits import Limits
from retrain.local.servicebus.wire.output import Output
from retrain.local.servicebus.wire.session import Link, ProtocolViolation, Session

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
    partial: bytes of messages that the client has begun to send.
    """

    def __init__(
        self,
        namespace: Namespace,
        commit: Callable[[], None],
        connections: set[Cuttable],
        keys: Keys | None,
        limits: Limits,
    ) -> None:
        self.namespace = namespace
        # Clients make and renew their tokens by the real time, whatever the emulator's `now` is.
        self.claims = Claims(keys, LoopClock(), self._check_claims)
        self.limits = limits
        self.max_frame = _MIN_FRAME
        self.partial = 0
        self._commit = commit
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self.soon = self._loop.call_soon
        self._output: Output | None = None
        self._transport: asyncio.Transport | None = None
        self._reader = FrameReader()
        self._sessions: dict[int, Session] = {}
        self._beat: asyncio.TimerHandle | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._heard = 0.0
        self._opened = self._closed = self._one_too_many = False

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._output = Output(transport, self.limits, self._commit, self._drained)
        self._connections.add(self)
        self._one_too_many = len(self._connections) > self.limits.connections
        self._watch = self._loop.call_later(self.limits.handshake_seconds, self._never_opened)

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
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

    def pause_writing(self) -> None:
        if self._output:
            self._output.block()

    def resume_writing(self) -> None:
        if self._output:
            self._output.unblock()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._closed = True
        self.claims.stop()
        for timer in (self._beat, self._watch):
            if timer:
                timer.cancel()
        for session in self._sessions.values():
            session.close(failed=True)
        self._sessions.clear()

    def abort(self) -> None:
        """Cut it, without a word."""
        self._closed = True
        if self._transport:
            self._transport.abort()

    # -- out

    @property
    def full(self) -> bool:
        """The client reads more slowly than we write: nothing may be delivered now."""
        return self._output is None or self._output.full

    def send(self, channel: int, body: bytes, payload: bytes = b"") -> None:
        """Queue a frame; it goes out when this turn of the event loop is over."""
        self._put(frame(channel, body, payload))

    def hold(self, seconds: float) -> None:
        """Say nothing for so long; then all of it, in order."""
        if self._output:
            self._output.hold(seconds)

    def begun(self, size: int) -> None:
        """The client has so many bytes more, or fewer, of unfinished messages here."""
        self.partial += size
        if self.partial > self.limits.partial_bytes:
            raise ProtocolViolation(
                "amqp:resource-limit-exceeded",
                f"More than {self.limits.partial_bytes} bytes of messages are begun and not ended.",
            )

    def links(self) -> Iterator[Link]:
        """Of all sessions."""
        for session in self._sessions.values():
            yield from session.links.values()

    def _put(self, data: bytes) -> None:
        if self._output:
            self._output.put(data)

    def _drained(self) -> None:
        for session in list(self._sessions.values()):
            session.outbox.resume()

    def _fail(self, condition: str, description: str) -> None:
        if not self._closed:
            log.warning("a connection is closed: %s", description)
            self._close(outcomes.error(condition, description))

    def _close(self, error: bytes | None = None) -> None:
        self._closed = True
        if self._opened:
            self.send(0, encode_described_list(0x18, error))
        if self._output:
            self._output.flush()
        if self._transport:
            self._transport.close()
        if self._watch:
            self._watch.cancel()
        self._watch = self._loop.call_later(self.limits.linger_seconds, self.abort)

    # -- time

    def _never_opened(self) -> None:
        if not self._opened:
            log.warning("a connection is cut: it was not opened in time")
            self.abort()
            return
        self._watch_silence()

    def _watch_silence(self) -> None:
        left = self._heard + self.limits.idle_seconds - self._loop.time()
        if left <= 0:
            allowed = int(self.limits.idle_seconds * 1000)
            self._fail(
                "amqp:connection:forced",
                f"The connection was inactive for more than the allowed {allowed} milliseconds.",
            )
            return
        self._watch = self._loop.call_later(left, self._watch_silence)

    def _heartbeat(self, every: float) -> None:
        self.send(0, b"")
        self._beat = self._loop.call_later(every, self._heartbeat, every)

    # -- in

    def _header(self, header: bytes) -> None:
        if header == SASL_HEADER:
            self._put(SASL_HEADER)
            self._sasl(0x40, _MECHANISMS)
        elif header == AMQP_HEADER:
            self._put(AMQP_HEADER)
        else:  # AMQP's way to say which protocol it would be
            self._put(SASL_HEADER)
            self._fail("amqp:not-implemented", f"{header!r} is no header of AMQP 1.0")

    def _sasl(self, code: int, field: object) -> None:
        self._put(frame(0, encode_described_list(code, field), kind=SASL_FRAME))

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
        silence = UInt(int(self.limits.idle_seconds * 500))
        terms = ("retrain", None, UInt(MAX_FRAME), UShort(_CHANNELS), silence)
        self.send(0, encode_described_list(0x10, *terms))
        if self._one_too_many:
            raise ProtocolViolation(
                "amqp:resource-limit-exceeded",
                f"There are {self.limits.connections} connections already, the most there may be.",
            )
        if wanted.idle_time_out:
            self._heartbeat(max(_MIN_BEAT, wanted.idle_time_out / 2000))

    def _begin(self, channel: int, begin: Begin) -> None:
        if channel > _CHANNELS:
            raise ProtocolViolation(
                "amqp:connection:framing-error", f"channel {channel} is beyond {_CHANNELS}"
            )
        if channel in self._sessions:
            raise ProtocolViolation("amqp:not-allowed", f"channel {channel} has a session already")
        self._sessions[channel] = Session(self, channel, begin)

    def _end(self, channel: int, session: Session) -> None:
        del self._sessions[channel]
        session.close(failed=False)
        self.send(channel, encode_described_list(0x17))
