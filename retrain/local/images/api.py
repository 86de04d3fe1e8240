"""The image builder's HTTP API, a loopback stand-in for a registry and its build service.

    GET /images/{key}               200 the image's state, 404
    PUT /images/{key}               202 being built (anew, when it has failed), 200 ready,
                                    400, 409, 413
    GET /images/{key}/log?offset=N  the build's log from byte N on (and `limit` bytes of it);
                                    Retrain-Next-Offset says where to go on, Retrain-Complete that
                                    the build has ended

A recipe is an image and a conda file, a curated image alone, or a build context by its SHA-256:
then `url` says where its archive can be had.

There is no key to call it with: it is meant for loopback, and then refuses other host names, so
that no page in a browser can reach it by rebinding one.
"""

import json
import re
from ipaddress import ip_address
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from retrain.local.images.builds import Builds, RecipeDiffers
from retrain.local.images.records import Record
from shared.jobs.images.recipe import Recipe, RecipeRefused

BODY_BYTES = 1024 * 1024
MOST_LOG = 64 << 20


class Refusal(Exception):
    """Answered to the caller in the product's own form."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def application(builds: Builds, host: str) -> Starlette:
    """The ASGI application; `host` is the address that it will be served on."""
    api = _Api(builds)
    allowed = ["127.0.0.1", "localhost", "[::1]"] if _is_loopback(host) else ["*"]
    return Starlette(
        routes=[
            Route("/images/{key}", api.look, methods=["GET"]),
            Route("/images/{key}", api.ensure, methods=["PUT"]),
            Route("/images/{key}/log", api.log, methods=["GET"]),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=allowed)],
        exception_handlers={Refusal: _refused},
    )


class _Api:
    def __init__(self, builds: Builds) -> None:
        self._builds = builds

    async def look(self, request: Request) -> Response:
        key = _key(request)
        return JSONResponse(self._state(key, _known(key, await self._builds.look(key))))

    async def ensure(self, request: Request) -> Response:
        key = _key(request)
        try:
            recipe, source = _asked(await _body(request))
            record = await self._builds.ensure(key, recipe, source)
        except RecipeRefused as refusal:
            raise Refusal(400, "InvalidRecipe", str(refusal)) from refusal
        except RecipeDiffers as differs:
            raise Refusal(
                409,
                "RecipeDiffers",
                f"The key {key} was made for another recipe. Derive the key from the recipe.",
            ) from differs
        return JSONResponse(self._state(key, record), 202 if record.state == "building" else 200)

    async def log(self, request: Request) -> Response:
        key = _key(request)
        record = _known(key, await self._builds.look(key))
        offset, limit = _number(request, "offset", "0"), _number(request, "limit", str(MOST_LOG))
        text = self._builds.log_of(key).read(offset, min(limit, MOST_LOG))
        headers = {
            "Retrain-Next-Offset": str(offset + len(text)),
            "Retrain-Complete": "false" if record.state == "building" else "true",
        }
        return Response(text, media_type="text/plain", headers=headers)

    def _state(self, key: str, record: Record) -> dict[str, Any]:
        return {
            "key": key,
            "state": record.state,
            "image": self._builds.image_of(key, record.recipe),
            "log_tail": self._builds.log_of(key).tail(),
            "reason": record.reason,
        }


def _asked(body: Any) -> tuple[Recipe, str]:
    """The recipe, and where its build context can be had. Raises RecipeRefused."""
    if not isinstance(body, dict) or "url" not in body:
        return Recipe.parse(body), ""
    source = body.pop("url")
    if not isinstance(source, str) or not source.startswith(("http://", "https://")):
        raise RecipeRefused("url: must be the build context's http(s) address.")
    return Recipe.parse(body), source


def _number(request: Request, name: str, default: str) -> int:
    text = request.query_params.get(name, default)
    if not re.fullmatch("[0-9]{1,15}", text):
        code = f"Invalid{name.capitalize()}"
        raise Refusal(400, code, f"{name} must be a number of bytes, not '{text}'.")
    return int(text)


def _key(request: Request) -> str:
    key: str = request.path_params["key"]
    if not re.fullmatch("[0-9a-f]{64}", key):
        raise Refusal(400, "InvalidKey", "A key is 64 hexadecimal digits, in lower case.")
    return key


def _known(key: str, record: Record | None) -> Record:
    if record is None:
        raise Refusal(404, "ImageNotFound", f"Nothing was asked for under {key}. PUT its recipe.")
    return record


async def _body(request: Request) -> Any:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES:
            raise Refusal(413, "BodyTooLarge", "A recipe holds at most 1 MiB.")
    try:
        return json.loads(body)
    except ValueError as error:
        raise Refusal(400, "InvalidJson", f"The body is no JSON: {error}.") from error


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    error = {"code": refusal.code, "message": str(refusal)}
    return JSONResponse({"error": error}, refusal.status)
