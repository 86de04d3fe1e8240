"""What a request's path and query mean: an entity, or a page of a list."""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final
from urllib.parse import parse_qsl, unquote

from retrain.local.servicebus.errors import BadRequest

#: The most entries of one page.
_PAGE: Final = 100
_PATH: Final = re.compile(
    r"/(?P<root>.+?)"
    r"(?:/(?P<below>subscriptions)(?:/(?P<subscription>[^/]+)"
    r"(?:/(?P<deeper>rules)(?:/(?P<rule>[^/]+))?)?)?)?/?",
    re.IGNORECASE,
)
#: What is nothing's name, but below something that is no place.
_BELOW: Final = re.compile(r"/subscriptions(/|$)", re.IGNORECASE)


class Kind(Enum):
    """Of places; ROOT is a queue or a topic."""

    NAMESPACE = auto()
    QUEUES = auto()
    TOPICS = auto()
    ROOT = auto()
    SUBSCRIPTIONS = auto()
    SUBSCRIPTION = auto()
    RULES = auto()
    RULE = auto()


_FIXED: Final = {
    "/$namespaceinfo": Kind.NAMESPACE,
    "/$resources/queues": Kind.QUEUES,
    "/$resources/topics": Kind.TOPICS,
}


@dataclass(frozen=True, slots=True)
class Place:
    """names: of the queue or topic, the subscription, the rule; as many as the kind has."""

    kind: Kind
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    skip: int
    top: int


def place_of(path: str) -> Place | None:
    """path: as it was sent, since a name's own slashes are quoted there."""
    fixed = _FIXED.get(path.rstrip("/").lower())
    if fixed:
        return Place(fixed)
    found = _PATH.fullmatch(path)
    if found is None or unquote(path).startswith("/$") or _BELOW.search(found["root"]):
        return None
    names = tuple(
        unquote(found[part]) for part in ("root", "subscription", "rule") if found[part] is not None
    )
    listed = len(names) if found["deeper"] or (found["below"] and not found["subscription"]) else 0
    if found["rule"]:
        return Place(Kind.RULE, names)
    if listed:
        return Place((Kind.SUBSCRIPTIONS, Kind.RULES)[listed - 1], names)
    return Place((Kind.ROOT, Kind.SUBSCRIPTION)[len(names) - 1], names)


def page_of(query: str) -> Page:
    """Raises BadRequest."""
    told = dict(parse_qsl(query))
    return Page(_count(told, "skip", 0), min(_PAGE, _count(told, "top", _PAGE)))


def _count(told: dict[str, str], name: str, default: int) -> int:
    value = told.get(f"${name}", str(default))
    if not re.fullmatch("[0-9]{1,9}", value):
        raise BadRequest(f"Parameter '{name}' should be non-negative integer.")
    return int(value)
