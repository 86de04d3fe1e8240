"""Azurite's access log: one line a request, in the form Apache calls "common".

    127.0.0.1 - - [24/Nov/2026:00:23:35 +0000] "PUT /account/data/a%20b.csv HTTP/1.1" 201 -

Azurite writes a line when the answer is finished, so a blob named by one is there to be read.
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

# The URL is greedy: a client may send a raw quote or blank in it.
_LINE = re.compile(
    r'^\S+ - \S+ \[[^\]]*\] "(?P<method>[A-Z]+) (?P<url>.*) HTTP/[\d.]+" (?P<status>\d{3}) '
)

#: What a PUT with this `comp` makes of a blob; any other `comp` changes no content.
_CREATES = {"": (201, 202), "blocklist": (201,)}


@dataclass(frozen=True, slots=True)
class BlobCreated:
    """A blob was made or replaced, as Event Grid's Microsoft.Storage.BlobCreated says it."""

    container: str
    name: str


@dataclass(frozen=True, slots=True)
class Request:
    """One request to Azurite. `container` and `blob` are decoded, "" for none."""

    method: str
    container: str
    blob: str
    comp: str
    restype: str
    status: int

    @property
    def kind(self) -> str:
        """The operation's short name, for counting: "PUT blob", "GET container list"."""
        thing = "blob" if self.blob else "container" if self.container else "service"
        return " ".join(part for part in (self.method, thing, self.comp) if part)

    @property
    def created(self) -> BlobCreated | None:
        """The event this request is, or None: blocks, leases, metadata and failures are none."""
        if self.method != "PUT" or not self.blob or self.restype:
            return None
        if self.status not in _CREATES.get(self.comp, ()):
            return None
        return BlobCreated(self.container, self.blob)


def parse(line: str) -> Request | None:
    """Read one line of Azurite's output; None for what is no access line (its greetings)."""
    match = _LINE.match(line)
    if match is None:
        return None
    return described(match["method"], match["url"], int(match["status"]))


def described(method: str, url: str, status: int = 0) -> Request:
    """The request by its parts. url: path and query. status: 0 when it has no answer yet."""
    path, _, query = url.partition("?")
    _, _, rest = path.lstrip("/").partition("/")  # the first part is the account
    container, _, blob = rest.partition("/")
    asked = {name.lower(): values[0] for name, values in parse_qs(query).items()}
    return Request(
        method=method,
        container=unquote(container),
        blob=unquote(blob),
        comp=asked.get("comp", ""),
        restype=asked.get("restype", ""),
        status=status,
    )
