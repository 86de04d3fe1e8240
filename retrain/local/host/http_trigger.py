"""HTTP functions: a request in, the worker's HttpRequest to the function, its response out.

A lean ASGI application: read the body, find the route, check the key, call, answer. Responses are
buffered, as they are in Azure.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

import azure.functions as func
from azure.functions.http import HttpRequest

from retrain.local.host.admin import Admin
from retrain.local.host.functions import RETURN, Function
from retrain.local.host.invocations import Invocations, Outcome
from retrain.local.host.keys import Keys
from retrain.local.host.outputs import Apply
from retrain.local.host.routes import Routes

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
RawHeaders = list[tuple[bytes, bytes]]


class _TooLarge(Exception):
    pass


class HttpTrigger:
    """The ASGI application over all HTTP functions of an app."""

    def __init__(
        self,
        routes: Routes,
        admin: Admin,
        keys: Keys,
        invocations: Invocations,
        apply: Apply,
        max_body: int,
    ) -> None:
        self._admin = admin
        self._routes = routes
        self._keys = keys
        self._invocations = invocations
        self._apply = apply
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; an exception of the function is a 500 without a word of it."""
        status, headers, body = await self._answer(scope, receive)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, RawHeaders, bytes]:
        path = scope["raw_path"].decode("latin-1")
        headers = _headers(scope["headers"])
        query = scope["query_string"].decode("latin-1")
        params = _joined(parse_qsl(query, keep_blank_values=True))
        given = headers.get("x-functions-key") or params.get("code", "")
        if path.casefold().startswith("/admin/"):
            return self._own(scope["method"], path, given)
        found = self._routes.find(scope["method"], path)
        if found is None:
            return _empty(404)
        route, parameters = found
        if not self._keys.open(route.level, route.function.name, given):
            return _empty(401)
        try:
            body = await self._body(headers, receive)
        except _TooLarge:
            return 413, [(b"content-length", b"0"), (b"connection", b"close")], b""
        request = HttpRequest(
            method=scope["method"],
            url=_url(scope, headers, path, query),
            headers=headers,
            params=params,
            route_params=parameters,
            body_type="bytes",
            body=body,
        )
        outcome = await self._invocations.call(route.function, request)
        if not outcome.succeeded or not await self._apply(route.function, outcome):
            return _empty(500)
        return self._response(route.function, outcome)

    def _own(self, method: str, path: str, given: str) -> tuple[int, RawHeaders, bytes]:
        if not self._keys.open("ADMIN", "", given):
            return _empty(401)
        status, body = self._admin.answer(method, path)
        length = (b"content-length", str(len(body)).encode())
        return status, [(b"content-type", b"application/json"), length], body

    def _response(self, function: Function, outcome: Outcome) -> tuple[int, RawHeaders, bytes]:
        names = [binding.name for binding in function.outputs if binding.type == "http"]
        value = outcome.values.get(names[0] if names else RETURN)
        if value is None:
            return _empty(204)
        if isinstance(value, str):
            return 200, [(b"content-type", b"text/plain; charset=utf-8")], value.encode()
        if isinstance(value, func.HttpResponse):
            return _of(value)
        error = TypeError(f"it returned {type(value).__name__}, neither HttpResponse nor str")
        self._invocations.failed(function, "response", error)
        return _empty(500)

    async def _body(self, headers: dict[str, str], receive: Receive) -> bytes:
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._max_body:
            raise _TooLarge
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            part = message.get("body", b"")
            size += len(part)
            if size > self._max_body:
                raise _TooLarge
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)


def _headers(raw: RawHeaders) -> dict[str, str]:
    return _joined((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)


def _joined(pairs: Any) -> dict[str, str]:
    """Repeated names become one value with commas, as the host hands them to the worker."""
    result: dict[str, str] = {}
    for name, value in pairs:
        result[name] = f"{result[name]},{value}" if name in result else value
    return result


def _url(scope: Scope, headers: dict[str, str], path: str, query: str) -> str:
    host = headers.get("host")
    if host is None:
        address, port = scope["server"]
        host = f"{address}:{port}"
    return f"{scope['scheme']}://{host}{path}{'?' + query if query else ''}"


def _of(response: func.HttpResponse) -> tuple[int, RawHeaders, bytes]:
    body = response.get_body()
    headers = [
        (str(name).lower().encode("latin-1"), str(value).encode("latin-1"))
        for name, value in response.headers.items()
    ]
    names = {name for name, _ in headers}
    if b"content-type" not in names:
        kind = str(response.mimetype)
        if kind.startswith("text/"):
            kind = f"{kind}; charset={response.charset}"
        headers.append((b"content-type", kind.encode("latin-1")))
    if b"content-length" not in names:
        headers.append((b"content-length", str(len(body)).encode()))
    return int(response.status_code), headers, body


def _empty(status: int) -> tuple[int, RawHeaders, bytes]:
    return status, [(b"content-length", b"0")] if status != 204 else [], b""
