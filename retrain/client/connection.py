"""The two connections: one to the API, with the key; one to Blob Storage, which never sees it.

They are two clients on purpose. The functions key opens everything in the app; the short-lived
addresses that the API hands out for Blob Storage carry their own, narrow permission.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from retrain.client.errors import ApiError, BadEndpoint, ClientError, NotRetrain, Unreachable
from retrain.client.retry import send
from retrain.client.sign_in import SignIn

_ERRNO = re.compile(r"^\[Errno -?\d+\] ")
TIMEOUT = httpx.Timeout(60.0, connect=5.0)  # seconds; a cold Functions app takes its time
CONNECTIONS = httpx.Limits(max_connections=16, max_keepalive_connections=16)


class Connection:
    """`api` asks Retrain; `blobs` is the plain client for addresses that Retrain handed out."""

    def __init__(
        self,
        endpoint: str,
        key: str,
        transport: httpx.BaseTransport | None,
        scope: str = "",
        origin: str = "",
    ) -> None:
        """scope: of the tokens that the API asks for; "" when it asks for a key. origin: who named
        the endpoint, for errors."""
        self.endpoint = checked_endpoint(endpoint)
        self._origin = origin
        agent = {"User-Agent": "retrain"}
        self._api = httpx.Client(
            base_url=self.endpoint,
            headers=agent | ({"x-functions-key": key} if key else {}),
            auth=SignIn(scope) if scope else None,
            timeout=TIMEOUT,
            limits=CONNECTIONS,
            transport=transport,
        )
        self.blobs = httpx.Client(
            headers=agent, timeout=TIMEOUT, limits=CONNECTIONS, transport=transport
        )

    def close(self) -> None:
        self._api.close()
        self.blobs.close()

    def api(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Ask, again if need be; returns an answer below 400.

        Raises Unreachable, NotRetrain and ApiError.
        """
        content = None if body is None else json.dumps(body).encode()
        sent = dict(headers or {}) | ({"Content-Type": "application/json"} if content else {})

        def make() -> httpx.Request:
            return self._api.build_request(
                method, path, content=content, params=params, headers=sent
            )

        try:
            response = send(self._api, make)
        except httpx.TransportError as error:
            cause = _ERRNO.sub("", str(error)) or type(error).__name__
            raise Unreachable(self.endpoint, cause, self._origin) from error
        if response.status_code >= 400:
            raise refusal(self.endpoint, response)
        return response

    def json(self, method: str, path: str, **sent: Any) -> Any:
        """Ask as `api` does and return the body's content. Raises NotRetrain when it is no JSON."""
        response = self.api(method, path, **sent)
        try:
            return response.json()
        except ValueError as error:
            kind = response.headers.get("Content-Type", "no type")
            raise NotRetrain(self.endpoint, f"{path} is {kind}, not JSON") from error


def checked_endpoint(endpoint: str) -> str:
    """Return the endpoint without a slash at its end; raises BadEndpoint."""
    try:
        url = urlsplit(endpoint)
        valid = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError as error:
        raise BadEndpoint(endpoint) from error
    if not valid or url.query or url.fragment or url.username:
        raise BadEndpoint(endpoint)
    return endpoint.rstrip("/").removesuffix("/api")


def refusal(endpoint: str, response: httpx.Response) -> ClientError:
    """Read an answer of 400 or more. The Functions host itself answers some without a body."""
    status = response.status_code
    try:
        error = response.json()["error"]
        return ApiError(
            status,
            str(error["code"]),
            str(error["message"]),
            str(error.get("remedy") or ""),
            [
                {"field": str(detail.get("field") or ""), "message": str(detail["message"])}
                for detail in error.get("details") or ()
            ],
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        pass
    if status in (401, 403):
        return ApiError(
            status,
            "Unauthorized",
            f"{endpoint} refuses the key.",
            remedy="Set the right one with `retrain profile set`, or in RETRAIN_KEY.",
        )
    if status == 404:
        return NotRetrain(endpoint, f"there is no {response.request.url.path}")
    return ApiError(
        status,
        "Unexpected",
        f"{endpoint} answered {status} {response.reason_phrase} without saying why.",
        remedy="Try again; if it stays so, the app's log says more.",
    )
