"""XML, read with suspicion and written by hand.

Read without document types, so that there are no entities to blow up or to fetch, and never deep.
Written as text, since some clients look for the very prefixes that the service writes.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from retrain.local.servicebus.errors import BadRequest

Element = ElementTree.Element

ATOM: Final = "http://www.w3.org/2005/Atom"
SERVICE_BUS: Final = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"
COUNTS: Final = "http://schemas.microsoft.com/netservices/2011/06/servicebus"
INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMA: Final = "http://www.w3.org/2001/XMLSchema"
_DEEPEST: Final = 32
#: What XML 1.0 has no way to write.
_UNWRITABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Builder(ElementTree.TreeBuilder):
    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def doctype(self, *_: str | None) -> None:
        raise BadRequest("The body must not have a document type.")

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise BadRequest("The body's elements are nested too deeply.")
        return super().start(tag, attrs)

    def end(self, tag: str) -> Element:
        self._depth -= 1
        return super().end(tag)


def read(body: bytes) -> Element:
    """The document's element. Raises BadRequest."""
    try:
        parser = ElementTree.XMLParser(target=_Builder())  # noqa: S314 (the builder sees to it)
        parser.feed(body)
        found: Element = parser.close()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise BadRequest(f"The body can't be read as XML: {error}.") from error
    return found


def child(element: Element | None, name: str, space: str = SERVICE_BUS) -> Element | None:
    """The first one of that name."""
    return None if element is None else element.find(f"{{{space}}}{name}")


def kind(element: Element) -> str:
    """The type that an instance says it has, without its prefix."""
    return element.get(f"{{{INSTANCE}}}type", "").rpartition(":")[2]


def texts(element: Element) -> dict[str, str]:
    """The text of each child of Service Bus's namespace, by name."""
    prefix = f"{{{SERVICE_BUS}}}"
    return {
        each.tag.removeprefix(prefix): (each.text or "").strip()
        for each in element
        if each.tag.startswith(prefix)
    }


def write(name: str, content: str | None, attributes: Mapping[str, str] | None = None) -> str:
    """An element around what is markup already; None: without content."""
    head = name + "".join(
        f" {key}={quoteattr(_writable(value))}" for key, value in (attributes or {}).items()
    )
    return f"<{head}/>" if content is None else f"<{head}>{content}</{name}>"


def text(value: str) -> str:
    return escape(_writable(value))


def write_all(elements: Iterable[tuple[str, str | None]]) -> str:
    """Elements around texts; those without a text are left out."""
    return "".join(write(name, text(value)) for name, value in elements if value is not None)


def _writable(value: str) -> str:
    return _UNWRITABLE.sub("\ufffd", value)
