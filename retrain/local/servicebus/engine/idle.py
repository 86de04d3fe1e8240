"""Entities that are deleted when nobody has used them for a while."""

from collections.abc import Callable

from retrain.local.servicebus.engine.clock import Clock
from retrain.local.servicebus.engine.entities import Entity, parts
from retrain.local.servicebus.engine.queue import Queue
from retrain.local.servicebus.engine.timetable import Timetable


class IdleWatch:
    """Looks after entities by path; one that is in use costs one look for each idle time.

    A restart counts as use: what nobody could use while this did not run was not idle.
    """

    def __init__(self, clock: Clock, delete: Callable[[str], None]) -> None:
        self._clock = clock
        self._delete = delete
        self._watched: dict[str, tuple[Entity, float]] = {}
        self._due = Timetable[str](clock, self._look)

    def watch(self, path: str, entity: Entity, seconds: float | None) -> None:
        """From now on, in place of what was said of it before; None: it stays."""
        self._watched.pop(path, None)
        self._due.drop(path)
        if seconds is not None:
            self._watched[path] = entity, seconds
            self._due.set(path, self._clock.now() + seconds)

    def stop(self) -> None:
        self._due.stop()

    def _look(self, path: str) -> None:
        entity, seconds = self._watched[path]
        now = self._clock.now()
        last = now if in_use(entity) else last_used(entity)
        if last + seconds > now:
            self._due.set(path, last + seconds)
        else:
            del self._watched[path]
            self._delete(path)


def in_use(entity: Entity) -> bool:
    """Somebody receives from it, or something is scheduled; of a topic, also below it."""
    if entity.intake.scheduled:
        return True
    if isinstance(entity, Queue):
        return any(part.has_receivers for part in parts(entity))
    return any(in_use(each.queue) for each in entity.subscriptions.values())


def last_used(entity: Entity) -> float:
    """When something last came, went or was looked at; of a topic, also below it."""
    if isinstance(entity, Queue):
        return max(part.accessed_at for part in parts(entity))
    below = (last_used(each.queue) for each in entity.subscriptions.values())
    return max(entity.accessed_at, *below, 0.0)
