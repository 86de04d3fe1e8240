"""HTTP functions: a request in, the worker's HttpRequest to the function, its response out.

A lean ASGI application: find the route, check the key, read the body, call, answer. Responses are
buffered, as they are in Azure.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

import azure.functions as func
from azure.functions.http import HttpRequest

from retrain.local.host.functions import RETURN, Function
from retrain.local.host.host_json import HttpOptions
from retrain.local.host.http_limits import HttpLimits, TooManyRequests
from retrain.local.host.invocations import Invocations, Outcome
from retrain.local.host.keys import KeyRing
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
        keys: KeyRing,
        invocations: Invocations,
        apply: Apply,
        options: HttpOptions,
        max_body: int,
    ) -> None:
        self._routes = routes
        self._keys = keys
        self._invocations = invocations
        self._apply = apply
        self._max_body = max_body
        self._limits = HttpLimits(options.max_concurrent, options.max_outstanding)
        self._more = [(name.encode(), value.encode()) for name, value in options.headers.items()]

    def routes(self, method: str, path: str) -> bool:
        """Whether a function answers this."""
        return self._routes.find(method, path) is not None

    def template_of(self, function: Function) -> str | None:
        """The route that leads to a function, prefix and all; None for one that is no HTTP's."""
        return self._routes.template_of(function)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; an exception of the function is a 500 without a word of it."""
        status, headers, body = await self._answer(scope, receive)
        headers = [*headers, *self._more]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, RawHeaders, bytes]:
        path = scope["raw_path"].decode("latin-1")
        headers = read_headers(scope["headers"])
        query = scope["query_string"].decode("latin-1")
        params = _joined(parse_qsl(query, keep_blank_values=True))
        found = self._routes.find(scope["method"], path)
        if found is None:
            return _empty(404)
        route, parameters = found
        given = headers.get("x-functions-key") or params.get("code", "")
        level = "ADMIN" if route.function.disabled else route.level
        if not self._keys.open(level, route.function.name, given):
            return _empty(404 if route.function.disabled else 401)
        try:
            async with self._limits.slot():
                body = await self._body(headers, receive)
                request = HttpRequest(
                    method=scope["method"],
                    url=_url(scope, headers, path, query),
                    headers=headers,
                    params=params,
                    route_params=parameters,
                    body_type="bytes",
                    body=body,
                )
                return await self._call(route.function, request)
        except _TooLarge:
            return 413, [(b"content-length", b"0"), (b"connection", b"close")], b""
        except TooManyRequests:
            return _empty(429)

    async def _call(self, function: Function, request: Any) -> tuple[int, RawHeaders, bytes]:
        outcome = await self._invocations.call(function, request)
        if not outcome.succeeded or not await self._apply(function, outcome):
            return _empty(500)
        return self._response(function, outcome)

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


def read_headers(raw: RawHeaders) -> dict[str, str]:
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
