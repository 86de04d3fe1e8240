"""The way in: requests go to the app as it is now, or wait while it is being reloaded.

What is under /admin is answered here, since it must be there when no app is. The real host, too,
lets requests wait for it for a while, and then says 503.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import parse_qs

from retrain.local.host.admin import Admin
from retrain.local.host.blob_webhook import PATH as BLOBS
from retrain.local.host.http_trigger import (
    HttpTrigger,
    RawHeaders,
    Receive,
    Scope,
    Send,
    read_headers,
)
from retrain.local.host.keys import KeyRing

#: What the real host says, word for word.
_NOT_RUNNING = b"Function host is not running."
_HOME = b"<!DOCTYPE html><title>Functions</title><p>Your functions are up and running.</p>"
#: Nothing that is asked under /admin is longer.
_MAX_ADMIN_BODY = 1024 * 1024


class App(Protocol):
    """What is behind the gate. `ready` is set when there is an app, or none will come soon."""

    ready: asyncio.Event

    @property
    def http(self) -> HttpTrigger | None: ...


class HttpGate:
    """The ASGI application of the host's port."""

    def __init__(
        self,
        app: App,
        admin: Admin,
        keys: KeyRing,
        wait_seconds: float,
        webhook: Callable[[bytes], Awaitable[int]] | None = None,
    ) -> None:
        self._app = app
        self._admin = admin
        self._keys = keys
        self._wait = wait_seconds
        self._webhook = webhook

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["raw_path"].decode("latin-1")
        if path.casefold().startswith("/admin/"):
            await _answer(send, *await self._own(scope, path, receive))
            return
        if path.casefold() == BLOBS and self._webhook:
            await _answer(send, await self._blobs(scope, receive, self._webhook), b"", b"")
            return
        http = await self._http()
        if http is None:
            await _answer(send, 503, _NOT_RUNNING, b"text/plain; charset=utf-8")
        elif path == "/" and scope["method"] == "GET" and not http.routes("GET", path):
            await _answer(send, 200, _HOME, b"text/html")
        else:
            await http(scope, receive, send)

    async def _http(self) -> HttpTrigger | None:
        if self._app.ready.is_set():
            return self._app.http
        try:
            async with asyncio.timeout(self._wait):
                while not self._app.ready.is_set():  # the next reload may begin before we wake
                    await self._app.ready.wait()
        except TimeoutError:
            return None
        return self._app.http

    async def _own(self, scope: Scope, path: str, receive: Receive) -> tuple[int, bytes, bytes]:
        if not self._admin.is_open(path) and not self._by_master(scope):
            return 401, b"", b""
        status, answer = await self._admin.answer(scope["method"], path, await _body(receive))
        if answer is None:
            return status, b"", b""
        return status, json.dumps(answer).encode(), b"application/json; charset=utf-8"

    async def _blobs(
        self, scope: Scope, receive: Receive, webhook: Callable[[bytes], Awaitable[int]]
    ) -> int:
        if not self._by_master(scope):
            return 401
        return await webhook(await _body(receive))

    def _by_master(self, scope: Scope) -> bool:
        headers = read_headers(scope["headers"])
        query = parse_qs(scope["query_string"].decode("latin-1"))
        given = headers.get("x-functions-key") or query.get("code", [""])[0]
        return self._keys.open("ADMIN", "", given)


async def _body(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body", False) or len(body) > _MAX_ADMIN_BODY:
            return body


async def _answer(send: Send, status: int, body: bytes, kind: bytes) -> None:
    headers: RawHeaders = [(b"content-type", kind)] if kind else []
    if status != 204:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
