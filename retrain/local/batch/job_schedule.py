"""A job schedule: a specification from which one job after the other is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any, ClassVar, Final

from retrain.local.batch.catalog import Catalog
from retrain.local.batch.entity import Entity, moment_of, without_nulls
from retrain.local.batch.errors import Refused
from retrain.local.batch.figures import figures
from retrain.local.batch.job import Job
from retrain.local.batch.plan import Plan

_TOO_LATE: Final = {
    "terminating": "JobScheduleBeingTerminated",
    "completed": "JobScheduleCompleted",
    "deleting": "JobScheduleBeingDeleted",
}


@dataclass(slots=True, kw_only=True, eq=False)
class JobSchedule(Entity):
    """`due` is when the next job is, `last_due` when the last one made was; `made` counts them."""

    KIND: ClassVar[str] = "jobschedule"
    NEXT: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "active": ("disabled", "terminating", "completed", "deleting"),
        "disabled": ("active", "terminating", "completed", "deleting"),
        "terminating": ("completed", "deleting"),
        "completed": ("deleting",),
        "deleting": (),
    }
    KEPT: ClassVar[tuple[str, ...]] = (
        *Entity.KEPT,
        *("due", "last_due", "made", "recent", "pool_id", "ended", "forced"),
    )

    endpoint: str
    state: str = "active"
    due: str | None = None
    last_due: str | None = None
    made: int = 0
    recent: str | None = None  # id of the job made last
    pool_id: str | None = None  # of the auto pool that lives as long as the schedule
    ended: str | None = None
    forced: bool = False
    jobs: Catalog[Job] = field(default_factory=Catalog)

    @property
    def url(self) -> str:
        """The schedule's address."""
        return f"{self.endpoint}/jobschedules/{self.id}"

    @property
    def plan(self) -> Plan:
        """Its times."""
        return Plan.of(self.spec["schedule"])

    @property
    def due_at(self) -> datetime | None:
        """`due` as a moment."""
        return moment_of(self.due) if self.due else None

    @property
    def busy(self) -> list[Job]:
        """Its jobs that are not over; there is one at most."""
        return [job for job in self.jobs.values() if job.state not in ("completed", "deleting")]

    @property
    def keeps_pool(self) -> bool:
        """Its auto pool outlives it."""
        auto = self.spec["jobSpecification"]["poolInfo"].get("autoPoolSpecification") or {}
        return bool(auto.get("keepAlive"))

    def demand_open(self) -> None:
        """Raises Refused when the schedule is past the point where it could be changed."""
        if self.state in _TOO_LATE:
            raise Refused(_TOO_LATE[self.state])

    def statistics(self) -> dict[str, Any] | None:
        """What the tasks of its jobs that are still there used so far."""
        tasks = chain.from_iterable(job.tasks.values() for job in self.jobs.values())
        return figures(tasks).of_many(self.url, self.created)

    def document(self) -> dict[str, Any]:
        """The schedule as JSON."""
        recent = {"id": self.recent, "url": f"{self.endpoint}/jobs/{self.recent}"}
        execution = {
            "nextRunTime": self.due if self.state in ("active", "disabled") else None,
            "recentJob": recent if self.recent else None,
            "endTime": self.ended,
        }
        return {
            **self.spec,
            **self.stamps(),
            "url": self.url,
            "executionInfo": without_nulls(execution),
        }
