"""Standing orders: kept in the registry, with what finds them: an agenda, and what they watch.

A schedule is written between two entries in the agenda: one that says that it is being written, and
the one of its next time. A process that dies in between leaves the first, and the clock does
the rest; see `timetable`.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from shared.app.agenda import LOOK, WRITTEN, Agenda, Due
from shared.app.computes import Computes
from shared.app.documents import checked_job, checked_schedule
from shared.app.notifying import check_addresses
from shared.app.watched import Watched
from shared.domain.errors import Conflict, NotFound
from shared.domain.keys import digest
from shared.jobs import AnyClock, InvalidDocument, Schedule, dump, next_ticks, parse_schedule
from shared.ports.registry import Registry
from shared.ports.webhooks import Webhooks

log = logging.getLogger("retrain.schedules")

KIND: Final = "schedules"
_RACES: Final = 10
#: Times so short ago are asked for again rather than not at all: the same time is the same run.
_JUST_NOW: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A schedule as the registry holds it. created_at: first; since: its trigger is in force."""

    schedule: Schedule
    created_at: datetime
    since: datetime

    @property
    def name(self) -> str:
        return self.schedule.name

    def record(self) -> dict[str, Any]:
        return {
            "created_at": self.created_at.isoformat(),
            "since": self.since.isoformat(),
            "schedule": dump(self.schedule),
        }

    def due_after(self, moment: datetime) -> datetime | None:
        """When it falls due next by the clock; None when it doesn't any more, or only by data."""
        trigger = self.schedule.trigger
        if not isinstance(trigger, AnyClock) or not self.schedule.is_enabled:
            return None
        return next(iter(next_ticks(trigger, self.since, moment, 1)), None)


@dataclass(frozen=True, slots=True)
class Schedules:
    registry: Registry
    agenda: Agenda
    watched: Watched
    webhooks: Webhooks
    computes: Computes
    now: Callable[[], datetime]

    def put(self, document: Mapping[str, Any]) -> tuple[Kept, bool]:
        """Create or replace; True when it is new. Raises Invalid.

        Replaced by one with the same trigger, it goes on where it was: no time is lost or doubled.
        """
        schedule = checked_schedule(document)
        checked_job(schedule.create_job)
        check_addresses(self.webhooks, schedule.create_job)
        self.computes.demand(schedule.create_job)
        return self._write(schedule.name, lambda before: self._next(schedule, before))

    def enable(self, name: str, *, enabled: bool) -> Kept:
        """Let the trigger fire, or not. What passed meanwhile is not made up. Raises NotFound."""

        def change(before: Kept | None) -> Kept:
            if before is None:
                raise self._missing(name)
            changed = before.schedule.model_copy(update={"is_enabled": enabled})
            return self._next(changed, before)

        return self._write(name, change)[0]

    def get(self, name: str) -> Kept:
        """Raises NotFound."""
        kept = self.find(name)
        if kept is None:
            raise self._missing(name)
        return kept

    def _missing(self, name: str) -> NotFound:
        names = [entry.name for entry in self.registry.entries(KIND)]
        return NotFound("schedule", name, "`retrain schedule list` shows those there are.", names)

    def find(self, name: str) -> Kept | None:
        """None too for one that can't be read, which is logged."""
        record = self.registry.get(KIND, name)
        return None if record is None else _readable(record)

    def delete(self, name: str) -> None:
        """Raises NotFound."""
        before = self.find(name)
        if not self.registry.delete(KIND, name):
            raise self._missing(name)
        if before is not None:
            self.watched.keep(None, before.schedule, self.now())
            self.agenda.add(Due(self.now(), name, LOOK))  # files that wait are let go

    def kept(self) -> Sequence[Kept]:
        """All of them, by name; one that can't be read is logged, and holds up no other."""
        return [kept for record in self.registry.list(KIND) if (kept := _readable(record))]

    def all(self) -> Sequence[Schedule]:
        return [kept.schedule for kept in self.kept()]

    def index(self, kept: Kept, before: Schedule | None, after: datetime) -> None:
        """See that the schedule is found when it is due past `after`, and when a file lands."""
        self.watched.keep(kept.schedule, before, self.now())
        due = kept.due_after(after)
        if due is not None:
            self.agenda.add(Due(due, kept.name, _version(kept)))
        elif not isinstance(kept.schedule.trigger, AnyClock):
            self.agenda.add(Due(self.now(), kept.name, LOOK))  # files may wait from before

    def _write(self, name: str, change: Callable[[Kept | None], Kept]) -> tuple[Kept, bool]:
        for _ in range(_RACES):
            before = self.registry.load(KIND, name)
            old = _readable(before.document) if before else None
            kept = change(old)
            written = Due(self.now(), name, f"{WRITTEN}-{_version(kept)}")
            self.agenda.add(written)
            try:
                self.registry.save(KIND, name, kept.record(), before.etag if before else None)
            except Conflict:
                continue
            self.index(kept, old.schedule if old else None, self.now() - _JUST_NOW)
            self.agenda.done(written)
            return kept, before is None
        raise Conflict(f"{KIND}/{name}")

    def _next(self, schedule: Schedule, before: Kept | None) -> Kept:
        now = self.now()
        if before is None:
            return Kept(schedule, now, now)
        old = before.schedule
        same = old.trigger == schedule.trigger and old.is_enabled == schedule.is_enabled
        return Kept(schedule, before.created_at, before.since if same else now)


def _version(kept: Kept) -> str:
    return digest(json.dumps(kept.record(), sort_keys=True))[:12]


def _kept(record: Mapping[str, Any]) -> Kept:
    created = datetime.fromisoformat(record["created_at"])
    since = datetime.fromisoformat(record.get("since", record["created_at"]))
    return Kept(parse_schedule(record["schedule"]), created, since)


def _readable(record: Mapping[str, Any]) -> Kept | None:
    try:
        return _kept(record)
    except (InvalidDocument, LookupError, ValueError) as error:
        log.warning("a schedule in the registry can't be read; create it anew: %s", error)
        return None
