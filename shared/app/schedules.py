"""Standing orders: kept in the registry, read whenever something happens."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shared.app.computes import Computes
from shared.app.documents import checked_job, checked_schedule
from shared.app.notifying import check_addresses
from shared.domain.errors import NotFound
from shared.jobs import InvalidDocument, Schedule, dump, parse_schedule
from shared.ports.registry import Registry
from shared.ports.webhooks import Webhooks

log = logging.getLogger("retrain.schedules")

KIND: Final = "schedules"


@dataclass(frozen=True, slots=True)
class Kept:
    """A schedule as the registry holds it; it is in force from `created_at` on."""

    schedule: Schedule
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Schedules:
    registry: Registry
    webhooks: Webhooks
    computes: Computes
    now: Callable[[], datetime]

    def put(self, document: Mapping[str, Any]) -> tuple[Kept, bool]:
        """Create or replace; True when it is new. Raises Invalid."""
        schedule = checked_schedule(document)
        checked_job(schedule.create_job)
        check_addresses(self.webhooks, schedule.create_job)
        self.computes.demand(schedule.create_job)
        kept = Kept(schedule, self.now())
        record = {"created_at": kept.created_at.isoformat(), "schedule": dump(schedule)}
        return kept, self.registry.put(KIND, schedule.name, record)

    def get(self, name: str) -> Kept:
        """Raises NotFound."""
        record = self.registry.get(KIND, name)
        if record is None:
            raise NotFound("Schedule", name, "`retrain schedule list` shows those there are.")
        return _kept(record)

    def delete(self, name: str) -> None:
        """Raises NotFound."""
        if not self.registry.delete(KIND, name):
            raise NotFound("Schedule", name, "`retrain schedule list` shows those there are.")

    def kept(self) -> Sequence[Kept]:
        """All of them, by name; one that can't be read is logged, and holds up no other."""
        return [kept for record in self.registry.list(KIND) if (kept := _readable(record))]

    def all(self) -> Sequence[Schedule]:
        return [kept.schedule for kept in self.kept()]


def _kept(record: Mapping[str, Any]) -> Kept:
    return Kept(parse_schedule(record["schedule"]), datetime.fromisoformat(record["created_at"]))


def _readable(record: Mapping[str, Any]) -> Kept | None:
    try:
        return _kept(record)
    except (InvalidDocument, LookupError, ValueError) as error:
        log.warning("a schedule in the registry can't be read; create it anew: %s", error)
        return None
