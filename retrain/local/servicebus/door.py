"""One port for everything: what a connection is shows in its first bytes.

A TLS handshake begins with 0x16: it is unwrapped, and the same question asked inside. The method of
a request opens HTTP. What is neither gets AMQP's answer, which names the protocol that it would be.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

log = logging.getLogger(__name__)

_HANDSHAKE: Final = b"\x16"
#: Their first four letters; PRI is how HTTP/2 begins.
_METHODS: Final = (b"GET ", b"PUT ", b"DELE", b"POST", b"HEAD", b"PATC", b"OPTI", b"CONN", b"PRI ")
#: Seconds for the other side's goodbye, which clients seldom say.
_GOODBYE: Final = 5.0


class Cuttable(Protocol):
    """A connection that the server can end."""

    def abort(self) -> None: ...


@dataclass(slots=True)
class House:
    """What is behind the door. `guests`: the connections that are open, whatever they speak.

    patience: seconds for the first bytes, and for a TLS handshake.
    """

    tls: Callable[[], ssl.SSLContext]
    amqp: Callable[[], asyncio.Protocol]
    http: Callable[[], asyncio.Protocol]
    patience: float
    guests: set[Cuttable] = field(default_factory=set)
    handshakes: set[asyncio.Task[None]] = field(default_factory=set)

    def clear(self) -> None:
        """Cut every connection."""
        for handshake in self.handshakes:
            handshake.cancel()
        for guest in list(self.guests):
            guest.abort()


class Hello(asyncio.Protocol):
    """A connection that has said nothing yet, in the clear or inside TLS."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._transport: asyncio.Transport | None = None
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._house.guests.add(self)
        self._patience = asyncio.get_running_loop().call_later(self._house.patience, self.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._leave()
        requests = any(method.startswith(data[:4]) for method in _METHODS)
        host = self._house.http() if requests else self._house.amqp()
        self._transport.set_protocol(host)
        host.connection_made(self._transport)
        host.data_received(data)

    def abort(self) -> None:
        if self._transport:
            self._transport.abort()

    def _leave(self) -> None:
        self._house.guests.discard(self)
        if self._patience:
            self._patience.cancel()


class Door(Hello):
    """A connection at the port: TLS, or in the clear.

    The first byte is looked at and left where it is, since asyncio's TLS must read all of it.
    """

    _peephole: socket.socket | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        try:  # a second descriptor: asyncio guards the transport's own
            self._peephole = transport.get_extra_info("socket").dup()
        except OSError as error:  # as many are open as may be
            log.warning("a client is turned away: %s", error)
            transport.abort()
            return
        assert self._peephole is not None
        asyncio.get_running_loop().add_reader(self._peephole, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._close_peephole()

    def _look(self) -> None:
        assert self._transport is not None
        assert self._peephole is not None
        try:
            first = self._peephole.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            first = b""
        if first == _HANDSHAKE:
            self._secure(self._peephole)
            return
        self._close_peephole()
        self._transport.resume_reading()  # an end of the stream is asyncio's to see

    def _secure(self, connection: socket.socket) -> None:
        """Give the socket to TLS; this transport lets go of it without ending the connection."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(connection)
        self._peephole = None
        self.abort()
        handshake = loop.create_task(self._shake_hands(connection))
        self._house.handshakes.add(handshake)
        handshake.add_done_callback(self._house.handshakes.discard)

    async def _shake_hands(self, connection: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: Hello(self._house),
                connection,
                ssl=self._house.tls(),
                ssl_handshake_timeout=self._house.patience,
                ssl_shutdown_timeout=_GOODBYE,
            )
        except OSError as error:  # an ssl.SSLError is one too
            log.info("no TLS with a client: %s", error)
            connection.close()

    def _close_peephole(self) -> None:
        if self._peephole:
            asyncio.get_running_loop().remove_reader(self._peephole)
            self._peephole.close()
            self._peephole = None
