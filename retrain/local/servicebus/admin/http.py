"""HTTP/1.1 for small requests: one is read whole, answered at once, and the next may follow.

Not uvicorn: an emulator that nobody administers should not pay for it, and a connection that comes
out of the door (see door.py) has been accepted already.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import httptools

from retrain.local.servicebus.door import Cuttable

log = logging.getLogger(__name__)

#: Bytes; a rule's filter is the largest thing that is described, and far below.
BODY_LIMIT: Final = 1 << 20
_HEAD_LIMIT: Final = 1 << 16
#: Seconds that a connection may lie idle, or take for one request.
_IDLE: Final = 120.0
_PHRASES: Final = {each.value: each.phrase for each in HTTPStatus}


@dataclass(slots=True)
class Request:
    """target: path and query as they were sent. Names of headers are in lower case."""

    method: str = ""
    target: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """last: the connection ends after it. cut: it ends in place of it."""

    status: int
    body: bytes = b""
    content_type: str = "application/xml; charset=utf-8"
    last: bool = False
    cut: bool = False

    def encoded(self) -> bytes:
        lines = [
            f"HTTP/1.1 {self.status} {_PHRASES.get(self.status, '')}",
            f"Content-Length: {len(self.body)}",
            "Server: Retrain",
        ]
        if self.body:
            lines.append(f"Content-Type: {self.content_type}")
        if self.last:
            lines.append("Connection: close")
        return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + self.body


class Refusal(Exception):
    """The request can't even be read; the connection ends with this status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class HttpConnection(asyncio.Protocol):
    """refused: how a Refusal is told."""

    def __init__(
        self,
        answer: Callable[[Request], Response],
        refused: Callable[[Refusal], Response],
        connections: set[Cuttable],
    ) -> None:
        self._answer = answer
        self._refused = refused
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._request = Request()
        self._body: list[bytes] = []
        self._size = 0
        self._limit = _HEAD_LIMIT
        self._transport: asyncio.Transport | None = None
        self._idle: asyncio.TimerHandle | None = None

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(self)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        if self._idle:
            self._idle.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._feed(data)
        except Refusal as refusal:
            self._say(self._refused(refusal))
        except httptools.HttpParserUpgrade:
            self._say(self._refused(Refusal(501, "Nothing but HTTP/1.1 is spoken here.")))
        except httptools.HttpParserError as error:
            self._say(self._refused(_refusal(error)))

    def pause_writing(self) -> None:
        """The client does not read its answers: take no more requests."""
        if self._transport:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport:
            self._transport.resume_reading()

    def abort(self) -> None:
        """Cut it, without a word."""
        if self._transport:
            self._transport.abort()

    # -- httptools

    def on_message_begin(self) -> None:
        self._request = Request()
        self._body.clear()

    def on_url(self, url: bytes) -> None:
        self._request.target += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._request.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._request.method = self._parser.get_method().decode("ascii")
        self._size, self._limit = 0, BODY_LIMIT
        length = self._request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > BODY_LIMIT:
            raise _too_large()

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._request.body = b"".join(self._body)
        self._size, self._limit = 0, _HEAD_LIMIT
        response = self._answer(self._request)
        if not self._parser.should_keep_alive() and not response.last:
            response = Response(response.status, response.body, response.content_type, last=True)
        self._say(response)
        self._wait()

    # -- out

    def _feed(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._size += len(data)
        if self._size > self._limit + _HEAD_LIMIT:
            raise _too_large()
        self._parser.feed_data(data)

    def _say(self, response: Response) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if response.cut:
            self._transport.abort()
            return
        self._transport.write(response.encoded())
        if response.last:
            self._transport.close()

    def _wait(self) -> None:
        if self._idle:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(_IDLE, self.abort)


def _refusal(error: httptools.HttpParserError) -> Refusal:
    """What a parser's error comes from: our own callback, or the client."""
    cause = error.__context__
    if isinstance(cause, Refusal):
        return cause
    if isinstance(error, httptools.HttpParserCallbackError):
        log.error("a request could not be answered", exc_info=cause)
        return Refusal(500, "The request could not be answered.")
    return Refusal(400, f"This is no HTTP: {error}.")


def _too_large() -> Refusal:
    return Refusal(413, f"A request may have {BODY_LIMIT} bytes, and {_HEAD_LIMIT} before these.")
