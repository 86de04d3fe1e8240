"""An HTTP connection with limits: on how big headers get, and how long a request may trickle in.

uvicorn lets a client that went silent in the middle of a request keep its connection, and its half
of a request, for ever.
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_BYTES: Final = 64 * 1024

_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\r\n"
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n"


class PatientProtocol(HttpToolsProtocol):
    """Ends a connection whose headers are too large, or whose request stops halfway.

    The application too can close it, in place of an answer: scope["state"]["hang_up"].
    `silence_seconds` is from the connection, or from the last part of a request, to the next.
    """

    silence_seconds = 60.0
    _alarm: asyncio.TimerHandle | None = None
    _unread = 0  # bytes since the last request's headers were complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state["hang_up"] = transport.close
        self._await_more()

    def connection_lost(self, exc: Exception | None) -> None:
        self._calm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unread += len(data)
        self._await_more()
        super().data_received(data)
        if self._unread > HEADERS_BYTES and not self.transport.is_closing():
            self._end(_TOO_LARGE)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._unread = 0

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._unread = 0

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._unread = 0
        self._calm()

    def _await_more(self) -> None:
        self._calm()
        self._alarm = self.loop.call_later(self.silence_seconds, self._end, _TOO_SLOW)

    def _calm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _end(self, words: bytes) -> None:
        begun = getattr(self.cycle, "response_started", False)  # there is no cycle at first
        if not begun or self.cycle.response_complete:
            self.transport.write(words)
        self.transport.close()
