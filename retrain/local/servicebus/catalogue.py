"""The entities that a namespace has, kept in the store: what they are told to be, since when."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter

from retrain.local.servicebus.settings import (
    EntitySettings,
    QueueSettings,
    RuleSettings,
    SubscriptionSettings,
    TopicSettings,
)
from retrain.local.servicebus.store import Store

_Settings = TypeVar("_Settings", bound=EntitySettings, covariant=True)

_KINDS: Final[dict[str, TypeAdapter[Any]]] = {
    kind.__name__.removesuffix("Settings").lower(): TypeAdapter(kind)
    for kind in (QueueSettings, TopicSettings, SubscriptionSettings, RuleSettings)
}


@dataclass(slots=True)
class Entry(Generic[_Settings]):
    """Times are epoch seconds. declared: it is in the config file, not made at run time.

    accessed_at: when something was last sent to it or received from it.
    """

    settings: _Settings
    declared: bool
    created_at: float
    updated_at: float
    accessed_at: float


class Catalogue:
    """The table of entries, by path whatever its case."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def load(self) -> Iterator[Entry[EntitySettings]]:
        """Every entry; what is below another one comes after it."""
        query = (
            "SELECT kind, settings, declared, created_at, updated_at, accessed_at FROM entities "
            "ORDER BY path"
        )
        for kind, settings, declared, *times in self._store.select(query):
            yield Entry(_KINDS[kind].validate_json(settings), bool(declared), *times)

    def save(self, entry: Entry[EntitySettings]) -> None:
        settings = entry.settings
        kind = type(settings).__name__.removesuffix("Settings").lower()
        self._store.note(
            "INSERT OR REPLACE INTO entities VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(settings.path.lower(), kind, entry.declared, _KINDS[kind].dump_json(settings)),
            *(entry.created_at, entry.updated_at, entry.accessed_at),
        )

    def remove(self, path: str) -> None:
        self._store.note("DELETE FROM entities WHERE path = ?", path.lower())
