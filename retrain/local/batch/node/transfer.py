"""HTTP with storage: one client for all executions, which tries again what may pass by itself.

URLs carry signatures in their query; what is said or logged about one is `named`, without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import httpx

TRIES: Final = 5
FIRST_PAUSE_SECONDS: Final = 0.2  # doubled with each try
LONGEST_PAUSE_SECONDS: Final = 10.0  # whatever Retry-After says
PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})
TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
LIMITS: Final = httpx.Limits(max_connections=64, max_keepalive_connections=32, keepalive_expiry=60)
BLOB_VERSION: Final = "2021-12-02"  # of the Blob REST API, old enough for every Azurite in use

#: Makes the body anew for each try.
Body = Callable[[], AsyncIterator[bytes] | bytes]


class Refused(Exception):
    """The request failed for good. `status` is None when no answer came; `code` says why."""

    def __init__(self, url: str, status: int | None, code: str) -> None:
        super().__init__(f"{named(url)}: {status or 'no answer'} {code}".rstrip())
        self.status = status
        self.code = code


def named(url: str) -> str:
    """The URL without its query, which may hold a signature."""
    return url.partition("?")[0]


class Transfer:
    """Requests against storage, over connections that are kept."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    def warm(self) -> None:
        """Make the client, which takes a tenth of a second; may be called in a thread."""
        self._http()

    async def get(self, url: str) -> bytes:
        """The whole answer. Raises Refused."""
        async with self.stream(url) as answer:
            return await answer.aread()

    @asynccontextmanager
    async def stream(self, url: str) -> AsyncIterator[httpx.Response]:
        """An answer whose body is still to be read. Raises Refused; reading may raise HTTPError."""
        answer = await self._send("GET", url, {"accept-encoding": "identity"}, None)
        try:
            yield answer
        finally:
            await answer.aclose()

    async def put(self, url: str, headers: Mapping[str, str], body: Body) -> None:
        """Raises Refused unless the body was taken."""
        answer = await self._send("PUT", url, {"x-ms-version": BLOB_VERSION, **headers}, body)
        await answer.aclose()

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | None
    ) -> httpx.Response:
        trouble = Refused(url, None, "")
        for attempt in range(TRIES):
            pause = min(FIRST_PAUSE_SECONDS * 2**attempt, LONGEST_PAUSE_SECONDS)
            content = body() if body else None
            try:
                request = self._http().build_request(method, url, headers=headers, content=content)
                answer = await self._http().send(request, stream=True)
            except httpx.TransportError as error:
                trouble = Refused(url, None, f"{type(error).__name__} {error}".rstrip())
            except (httpx.InvalidURL, httpx.TooManyRedirects) as error:
                raise Refused(url, None, str(error)) from error
            else:
                if answer.is_success:
                    return answer
                trouble = await _refused(url, answer)
                if answer.status_code not in PASSING:
                    break
                pause = _asked_for(answer) or pause
            if attempt + 1 < TRIES:
                await asyncio.sleep(pause)
        raise trouble

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            direct = {"all://127.0.0.1": None, "all://localhost": None}  # never through a proxy
            self._client = httpx.AsyncClient(
                timeout=TIMEOUT, limits=LIMITS, follow_redirects=True, mounts=direct
            )
        return self._client


async def _refused(url: str, answer: httpx.Response) -> Refused:
    await answer.aclose()
    code = answer.headers.get("x-ms-error-code", answer.reason_phrase)
    return Refused(url, answer.status_code, code)


def _asked_for(answer: httpx.Response) -> float | None:
    try:
        return min(float(answer.headers["retry-after"]), LONGEST_PAUSE_SECONDS)
    except (KeyError, ValueError):
        return None
