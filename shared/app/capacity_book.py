"""The one document that says whether attempts may start, changed by ETag, whoever changes it."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final

from pydantic import TypeAdapter

from shared.domain.capacity import Capacity, Held
from shared.domain.errors import Conflict, Transient
from shared.ports.registry import Registry

log = logging.getLogger("retrain.capacity")

#: Below the named computes, so that one list brings it to the watch together with them.
KIND: Final = "computes/.capacity"
NAME: Final = "now"
#: What was read of a hold is good for so long: most runs start without a call for it. What starts
#: within that time of a drain is found on compute, and taken down, by the drain or the watch.
REMEMBERED: Final = timedelta(seconds=10)
#: Of one instance only one writes at a time, so the others are as many as there are instances.
_TRIES: Final = 30
_CAPACITY: Final = TypeAdapter(Capacity)


def is_capacity(record: Mapping[str, Any]) -> bool:
    """Whether that is what the record is, and no compute."""
    return "ledger" in record


@dataclass(frozen=True, slots=True)
class CapacityBook:
    registry: Registry
    now: Callable[[], datetime]
    _known: dict[str, tuple[datetime, Held | None]] = field(default_factory=dict)
    _writing: Lock = field(default_factory=Lock)

    def held(self) -> Held | None:
        """Who holds compute; up to REMEMBERED ago."""
        at, held = self._known.get(NAME, (None, None))
        if at is not None and timedelta(0) <= self.now() - at < REMEMBERED:
            return held
        return self.read().held

    def read(self) -> Capacity:
        """As it is now. One call."""
        kept = self.registry.get(KIND, NAME)
        return self._remember(Capacity() if kept is None else _CAPACITY.validate_python(kept))

    def among(self, records: Iterable[Mapping[str, Any]]) -> Capacity:
        """As it is in a list of the computes' records, which brings it too."""
        mine = next((record for record in records if is_capacity(record)), None)
        return self._remember(Capacity() if mine is None else _CAPACITY.validate_python(mine))

    def change(self, step: Callable[[Capacity], Capacity]) -> Capacity:
        """Write what `step` makes of it; it may be asked several times, others being quicker.

        Nothing is written when it changes nothing. Raises Transient.
        """
        with self._writing:
            for _ in range(_TRIES):
                kept = self.registry.load(KIND, NAME)
                before = Capacity() if kept is None else _CAPACITY.validate_python(kept.document)
                after = step(before)
                if after == before:
                    return self._remember(after)
                document = _CAPACITY.dump_python(after, mode="json")
                try:
                    self.registry.save(KIND, NAME, document, kept.etag if kept else None)
                except Conflict:
                    continue
                return self._remember(after)
        raise Transient("Too many instances count nodes at once; the message comes again.")

    def _remember(self, capacity: Capacity) -> Capacity:
        self._known[NAME] = (self.now(), capacity.held)
        return capacity
