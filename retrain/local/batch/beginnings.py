"""How jobs begin: asked for by a client, or made by a schedule; with a pool of their own or not."""

from __future__ import annotations

from typing import Any, Final

from retrain.local.batch.account import Account
from retrain.local.batch.endings import Endings
from retrain.local.batch.errors import Refused
from retrain.local.batch.fleet import Fleet
from retrain.local.batch.job import Job
from retrain.local.batch.job_schedule import JobSchedule
from retrain.local.batch.scheduler import Scheduler
from retrain.local.batch.task import Task

#: What a job manager task's specification says beyond that of other tasks.
_OF_MANAGERS: Final = ("killJobOnCompletion", "runExclusive", "allowLowPriorityNode")


class Beginnings:
    """Makes jobs from specifications that have been checked."""

    def __init__(
        self, account: Account, fleet: Fleet, scheduler: Scheduler, endings: Endings
    ) -> None:
        self._account = account
        self._scheduler = scheduler
        self._fleet = fleet
        self._endings = endings

    def begin(self, job_id: str, spec: dict[str, Any], schedule: JobSchedule | None = None) -> Job:
        """A new active job with its auto pool. Raises Refused PoolBeingDeleted."""
        pool_id = self._pool(job_id, spec["poolInfo"], schedule)
        job = Job(
            id=job_id,
            number=next(self._account.numbers),
            spec=spec,
            endpoint=self._account.endpoint,
            pool_id=pool_id,
            schedule=schedule.id if schedule else None,
        )
        self._account.add(job)
        self._add_manager(job)
        self._endings.watch_clock(job)
        self._endings.after_task(job)
        return job

    def _add_manager(self, job: Job) -> None:
        """The first task is the one that adds the others."""
        if job.manager is not None:
            spec = {name: value for name, value in job.manager.items() if name not in _OF_MANAGERS}
            number = next(self._account.numbers)
            self._account.add(Task(id=spec["id"], number=number, spec=spec, job=job))
            self._scheduler.fill_for(job)

    def _pool(self, job_id: str, wish: dict[str, Any], schedule: JobSchedule | None) -> str:
        auto = wish.get("autoPoolSpecification")
        if auto is None:
            pool_id: str = wish["poolId"]
            pool = self._account.pools.get(pool_id.lower())
            if pool is not None and pool.state == "deleting" and schedule is None:
                raise Refused("PoolBeingDeleted")
            return pool_id
        if schedule is None or auto["poolLifetimeOption"].lower() == "job":
            return self._fleet.create_for(job_id, auto).id
        pool = self._account.pools.get((schedule.pool_id or "").lower())
        if pool is None or pool.state == "deleting":
            pool = self._fleet.create_for(schedule.id, auto)
            schedule.pool_id = pool.id
        return pool.id
