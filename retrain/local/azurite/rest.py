"""The little of the Blob REST API that the stack itself needs: list, read, make a container.

Requests are signed with the account's key (SharedKey), as Azurite checks it. The product's own
calls go through the real SDK; this client exists because `retrain` may not import `azure`.
"""

import base64
import hashlib
import hmac
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import quote, unquote, urlsplit

import httpx

ACCOUNT = "devstoreaccount1"
#: Azurite's well-known key, the same on every machine; it guards nothing but loopback.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
#: Says of a request that it is the stack's own.
AGENT = "retrain-local-stack"
_VERSION = "2021-12-02"


class BlobServiceRefused(RuntimeError):
    """The Blob service answered with an error other than "there is no such thing"."""

    def __init__(self, response: httpx.Response) -> None:
        code = response.headers.get("x-ms-error-code", response.reason_phrase)
        super().__init__(
            f"Blob Storage answered {response.status_code} {code} to "
            f"{response.request.method} {response.request.url.path}."
        )


@dataclass(frozen=True, slots=True)
class BlobEntry:
    """A line of a listing. `modified` is aware, UTC, and whole seconds."""

    name: str
    modified: datetime


class SharedKey(httpx.Auth):
    """Signs a request that has no body, by the Storage service's SharedKey scheme.

    Source: learn.microsoft.com, "Authorize with Shared Key", version 2009-09-19 and later.
    """

    def __init__(self, account: str = ACCOUNT, key: str = KEY) -> None:
        self._account = account
        self._key = base64.b64decode(key)

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        request.headers["x-ms-date"] = format_datetime(datetime.now(UTC), usegmt=True)
        request.headers["x-ms-version"] = _VERSION
        digest = hmac.new(self._key, self._to_sign(request).encode(), hashlib.sha256).digest()
        signature = base64.b64encode(digest).decode()
        request.headers["Authorization"] = f"SharedKey {self._account}:{signature}"
        yield request

    def _to_sign(self, request: httpx.Request) -> str:
        headers = sorted(
            f"{name}:{value}" for name, value in request.headers.items() if name.startswith("x-ms-")
        )
        url = urlsplit(str(request.url))
        query = sorted(f"{name}:{value}" for name, value in request.url.params.multi_items())
        # Eleven standard headers, of which these requests send only Range (the last).
        lines = [request.method, *[""] * 10, request.headers.get("range", "")]
        return "\n".join([*lines, *headers, f"/{self._account}{url.path}", *query])


class BlobReader:
    """Reads one account over HTTP. `url` ends with the account's name."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        limits = httpx.Limits(max_connections=32, keepalive_expiry=30)
        self._http = httpx.AsyncClient(
            auth=SharedKey(),
            timeout=60,
            trust_env=False,
            limits=limits,
            headers={"user-agent": AGENT},
        )

    async def close(self) -> None:
        await self._http.aclose()

    def url(self, container: str, name: str) -> str:
        return f"{self._url}/{container}/{quote(name, safe='/~')}"

    async def create(self, container: str) -> None:
        """Make the container unless it is there."""
        response = await self._http.put(f"{self._url}/{container}", params={"restype": "container"})
        if response.status_code not in (httpx.codes.CREATED, httpx.codes.CONFLICT):
            raise BlobServiceRefused(response)

    async def containers(self) -> list[str]:
        """The names of all containers. Also the probe that says that the service is up."""
        pages = self._list("", {"comp": "list"})
        return [_text(item, "Name") async for page in pages for item in page.iter("Container")]

    async def blobs(self, container: str, prefix: str = "") -> AsyncIterator[BlobEntry]:
        """The blobs of a container, by name; nothing when there is no such container."""
        asked = {"restype": "container", "comp": "list", "prefix": prefix}
        async for page in self._list(f"/{container}", asked):
            for item in page.iter("Blob"):
                yield BlobEntry(_text(item, "Name"), _modified(item))

    async def properties(self, container: str, name: str) -> Mapping[str, str] | None:
        """The headers that describe a blob, or None when there is no such blob."""
        response = await self._http.head(self.url(container, name))
        return response.headers if _there(response) else None

    async def read(self, container: str, name: str) -> bytes | None:
        """The blob's content as it is now, or None when there is no such blob."""
        response = await self._http.get(self.url(container, name))
        return response.content if _there(response) else None

    async def _list(self, path: str, asked: Mapping[str, str]) -> AsyncIterator[ET.Element]:
        marker = ""
        while True:
            query = {name: value for name, value in {**asked, "marker": marker}.items() if value}
            response = await self._http.get(self._url + path, params=query)
            if not _there(response):
                return
            page = ET.fromstring(response.content)  # noqa: S314 - our own child wrote it
            yield page
            marker = page.findtext("NextMarker") or ""
            if not marker:
                return


def _there(response: httpx.Response) -> bool:
    if response.status_code == httpx.codes.NOT_FOUND:
        return False
    if response.is_error:
        raise BlobServiceRefused(response)
    return True


def _text(item: ET.Element, name: str) -> str:
    found = item.find(name)
    text = (found.text or "") if found is not None else ""
    # A name that XML can't hold comes percent-encoded and says so.
    encoded = found is not None and found.get("Encoded") == "true"
    return unquote(text) if encoded else text


def _modified(item: ET.Element) -> datetime:
    return parsedate_to_datetime(item.findtext("Properties/Last-Modified") or "")
