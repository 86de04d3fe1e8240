"""Atom documents in the service's form: an entry for an entity, a feed for a list of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from retrain.local.servicebus.admin.http import Response
from retrain.local.servicebus.admin.markup import (
    ATOM,
    INSTANCE,
    SERVICE_BUS,
    text,
    write,
    write_all,
)
from retrain.local.servicebus.errors import ServiceBusError, Unauthorized

_CONTENT: Final = {"xmlns": SERVICE_BUS, "xmlns:i": INSTANCE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """description: the content, an element of that name around markup. Times are epoch seconds."""

    title: str
    url: str
    description: str
    content: str
    updated: float
    published: float | None = None
    author: str | None = None

    def document(self, status: int = 200) -> Response:
        body = write("entry", self._inside(self.url), {"xmlns": ATOM})
        return _answer(status, body, "entry")

    def within(self, feed_url: str) -> str:
        """As a part of a feed."""
        return write("entry", self._inside(self.url), {"xml:base": feed_url})

    def _inside(self, url: str) -> str:
        author = None if self.author is None else write_all([("name", self.author)])
        return "".join(
            (
                write("id", text(url)),
                write("title", text(self.title), {"type": "text"}),
                "" if self.published is None else write("published", second(self.published)),
                write("updated", second(self.updated)),
                "" if author is None else write("author", author),
                _link("self", url),
                write(
                    "content",
                    write(self.description, self.content, _CONTENT),
                    {"type": "application/xml"},
                ),
            )
        )


def feed(
    title: str, url: str, entries: Sequence[Entry], now: float, more: str | None = None
) -> Response:
    """more: where the next page is."""
    inside = (
        write("title", text(title), {"type": "text"}),
        write("id", text(url)),
        write("updated", second(now)),
        _link("self", url),
        "" if more is None else _link("next", more),
        *(entry.within(url) for entry in entries),
    )
    return _answer(200, write("feed", "".join(inside), {"xmlns": ATOM}), "feed")


def refusal(error: ServiceBusError, place: str, tracking: str, now: float) -> Response:
    """The service's error document. place: which entity was meant, as `host:path`."""
    told = str(error)
    if not isinstance(error, Unauthorized):
        told = f"SubCode={error.status}00. {told}"
    detail = (
        f"{told} TrackingId:{tracking}, SystemTracker:{place}, Timestamp:{second(now).rstrip('Z')}"
    )
    inside = write_all([("Code", str(error.status)), ("Detail", detail)])
    stranger = isinstance(error, Unauthorized)
    return Response(error.status, write("Error", inside).encode(), last=stranger)


def second(when: float) -> str:
    """A time to the second."""
    return f"{datetime.fromtimestamp(when, UTC):%Y-%m-%dT%H:%M:%SZ}"


def moment(when: float) -> str:
    """A time to the millisecond."""
    whole = datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds")
    return whole.replace("+00:00", "Z")


def _link(kind: str, url: str) -> str:
    return write("link", None, {"rel": kind, "href": url})


def _answer(status: int, body: str, kind: str) -> Response:
    return Response(status, body.encode(), f"application/atom+xml;type={kind};charset=utf-8")
