"""The ASGI application: reads a request, proves its signature, finds and does the operation."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final
from urllib.parse import parse_qsl

from retrain.local.batch.entity import stamp
from retrain.local.batch.errors import Refused
from retrain.local.batch.faulty_requests import Dropped, suffer
from retrain.local.batch.routes import Operation, find
from retrain.local.batch.service import Service
from retrain.local.batch.shared_key import SharedKey
from retrain.local.batch.wire import JSON_TYPE, FilePart, Request, Response
from retrain.local.faults import Faults

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

log = logging.getLogger("retrain.batch")

API_VERSION: Final = "2025-06-01"
_BODY_LIMIT: Final = 4 * 1024 * 1024
_COLLECTION_LIMIT: Final = 1024 * 1024  # addtaskcollection; the SDK then sends smaller ones
_CHUNK: Final = 1024 * 1024


class ClientGone(Exception):
    """The connection ended before the request did."""


class Application:
    """`calls` counts the operations that were asked for, by the SDK's names."""

    def __init__(self, service: Service, shared_key: SharedKey, faults: Faults) -> None:
        self._service = service
        self._shared_key = shared_key
        self._faults = faults
        self.calls: Counter[str] = Counter()
        self._request_ids = count(1)
        self._born = f"{datetime.now(UTC):%Y%m%d%H%M%S}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request."""
        request_id = f"{self._born}-{next(self._request_ids):08d}"
        request = _request(scope)
        try:
            request.body = await _read(request, receive)
            response = await self._answer(request)
        except Refused as refusal:
            response = _refusal(refusal, request_id)
        except ClientGone:
            return  # half a body is no request
        except Dropped as dropped:
            self._service.account.flush()
            await dropped.hang_up(scope, receive)
            return
        except Exception:
            log.exception("%s %s failed", request.method, request.raw_path)
            response = _failure(request_id)
        finally:
            self._service.account.flush()
        await _write(request, response, request_id, send)

    async def _answer(self, request: Request) -> Response:
        self._shared_key.verify(
            request.method,
            request.raw_path,
            request.query_text,
            request.headers,
            datetime.now(UTC),
        )
        _check_version(request)
        name, operation = find(request)
        self.calls[name] += 1
        if self._faults.armed:
            return await suffer(self._faults, name, request, self._perform(operation, request))
        return await self._perform(operation, request)

    async def _perform(self, operation: Operation, request: Request) -> Response:
        result = operation(self._service, request)
        return result if isinstance(result, Response) else await result


def _request(scope: Scope) -> Request:
    query = scope["query_string"].decode("latin-1")
    raw_path = scope.get("raw_path") or scope["path"].encode()
    return Request(
        method=scope["method"],
        raw_path=raw_path.decode("latin-1"),
        query_text=query,
        headers={k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]},
        query=dict(parse_qsl(query, keep_blank_values=True)),
    )


async def _read(request: Request, receive: Receive) -> bytes:
    adding = request.raw_path.endswith("/addtaskcollection")
    limit = _COLLECTION_LIMIT if adding else _BODY_LIMIT
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise Refused("RequestBodyTooLarge", MaxLimit=str(limit))
        if not message.get("more_body"):
            return b"".join(parts)


def _check_version(request: Request) -> None:
    version = request.query.get("api-version")
    if not version:
        raise Refused("MissingRequiredQueryParameter", QueryParameterName="api-version")
    if version != API_VERSION:
        raise Refused(
            "UnsupportedRequestVersion",
            QueryParameterName="api-version",
            QueryParameterValue=version,
            Reason=f"The local Batch emulator speaks {API_VERSION}",
        )


def _refusal(refusal: Refused, request_id: str) -> Response:
    if refusal.status == 304:
        return Response(304)
    body = json.dumps(refusal.document(request_id, stamp())).encode()
    return Response(refusal.status, body, (("content-type", JSON_TYPE), *refusal.headers))


def _failure(request_id: str) -> Response:
    text = f"Server encountered an internal error.\nRequestId:{request_id}\nTime:{stamp()}"
    body = {"code": "InternalError", "message": {"lang": "en-US", "value": text}}
    return Response(500, json.dumps(body).encode(), (("content-type", JSON_TYPE),))


async def _write(request: Request, response: Response, request_id: str, send: Send) -> None:
    body = response.body
    if isinstance(body, FilePart) and request.method == "GET" and not body.path.exists():
        response = _refusal(Refused("FileNotFound"), request_id)  # removed since it was looked at
        body = response.body
    length = body.length if isinstance(body, FilePart) else len(body)
    headers = [(name.encode(), value.encode("latin-1")) for name, value in response.headers]
    headers.append((b"request-id", request_id.encode()))
    headers.append((b"dataserviceversion", b"3.0"))
    if response.status not in (204, 304):
        headers.append((b"content-length", str(length).encode()))
    echo = request.headers.get("client-request-id")
    if echo and request.headers.get("return-client-request-id", "").lower() == "true":
        headers.append((b"client-request-id", echo.encode("latin-1")))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if request.method == "HEAD":
        await send({"type": "http.response.body"})
    elif isinstance(body, FilePart):
        await _stream(body, send)
    else:
        await send({"type": "http.response.body", "body": body})


async def _stream(part: FilePart, send: Send) -> None:
    """What was promised and no more, however the file grows meanwhile."""
    with part.path.open("rb") as file:
        file.seek(part.start)
        left = part.length
        while left > 0:
            size = min(left, _CHUNK)
            small = size <= 65536
            data = file.read(size) if small else await asyncio.to_thread(file.read, size)
            if not data:
                break  # it was cut; the client sees a short body
            left -= len(data)
            await send({"type": "http.response.body", "body": data, "more_body": left > 0})
        if left == part.length or left > 0:
            await send({"type": "http.response.body"})
