"""Listing a container through its SAS URL: pages of XML, from the Blob service's List Blobs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode
from xml.parsers import expat

from retrain.local.batch.node.transfer import Transfer


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob's whole name in its container, and its length in bytes."""

    name: str
    size: int


@dataclass(slots=True)
class _Page:
    blobs: list[Blob] = field(default_factory=list)
    marker: str = ""


class Unreadable(Exception):
    """The answer was no list of blobs."""


async def blobs(transfer: Transfer, container_url: str, prefix: str) -> AsyncIterator[Blob]:
    """Every blob whose name begins with the prefix, in order. Raises Refused, Unreadable."""
    base, _, signature = container_url.partition("?")
    marker = ""
    while True:
        asked = {"restype": "container", "comp": "list", "prefix": prefix, "marker": marker}
        query = urlencode({name: value for name, value in asked.items() if value})
        page = read(await transfer.get(f"{base}?{query}&{signature}".rstrip("&")))
        for blob in page.blobs:
            yield blob
        marker = page.marker
        if not marker:
            return


def blob_url(container_url: str, name: str) -> str:
    """The blob's URL with the container's signature."""
    base, mark, signature = container_url.partition("?")
    return f"{base.rstrip('/')}/{quote(name, safe='/~')}{mark}{signature}"


def read(document: bytes) -> _Page:
    """Read one page. A document that declares entities is refused, since List Blobs never does."""
    page = _Page()
    path: list[str] = []
    texts: dict[str, str] = {}  # by an element's name and its parent's; metadata may use any name
    parser = expat.ParserCreate()

    def begin(name: str, _: dict[str, str]) -> None:
        path.append(name)
        texts["/".join(path[-2:])] = ""

    def text(content: str) -> None:
        texts["/".join(path[-2:])] += content

    def end(name: str) -> None:
        if name == "Blob":
            size = int(texts.get("Properties/Content-Length") or 0)
            page.blobs.append(Blob(texts["Blob/Name"], size))
        elif name == "NextMarker":
            page.marker = texts["/".join(path[-2:])]
        path.pop()

    def refuse(*_: object) -> None:
        raise Unreadable("the list of blobs has a document type declaration")

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, ValueError, KeyError) as error:
        raise Unreadable(f"the list of blobs can't be read: {error}") from error
    return page
