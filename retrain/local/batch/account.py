"""The account's state: pools, jobs and tasks in memory, and each change on its way to disk."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeVar

from retrain.local.batch.catalog import Catalog
from retrain.local.batch.entity import Entity
from retrain.local.batch.errors import Refused
from retrain.local.batch.job import Job, NodeTask
from retrain.local.batch.job_schedule import JobSchedule
from retrain.local.batch.pool import ComputeNode, Pool
from retrain.local.batch.store import Store
from retrain.local.batch.task import Task
from retrain.local.batch.usage import Usage

log = logging.getLogger("retrain.batch")

T = TypeVar("T")

_KILLING_SECONDS: Final = 10.0


class Account:
    """Ids are compared without case, and kept as given. All is used from one event loop."""

    def __init__(self, name: str, endpoint: str, folder: Path, store: Store) -> None:
        self.name = name
        self.endpoint = endpoint
        self.folder = folder
        self.pools: Catalog[Pool] = Catalog()
        self.jobs: Catalog[Job] = Catalog()
        self.schedules: Catalog[JobSchedule] = Catalog()
        self.jobs_of: defaultdict[str, dict[str, Job]] = defaultdict(dict)  # by pool
        self.numbers = count(1)
        self.usage = Usage(store)
        self._store = store
        self._closed = False
        self._changed: dict[tuple[str, str], Entity] = {}
        self._background: set[asyncio.Task[Any]] = set()
        self._killings: set[asyncio.Task[None]] = set()

    def pool(self, pool_id: str) -> Pool:
        """Raises Refused PoolNotFound."""
        pool = self.pools.get(pool_id.lower())
        if pool is None:
            raise Refused("PoolNotFound")
        return pool

    def node(self, pool_id: str, node_id: str) -> ComputeNode:
        """Raises Refused PoolNotFound, NodeNotFound."""
        node = self.pool(pool_id).nodes.get(node_id)
        if node is None:
            raise Refused("NodeNotFound")
        return node

    def job(self, job_id: str) -> Job:
        """Raises Refused JobNotFound."""
        job = self.jobs.get(job_id.lower())
        if job is None:
            raise Refused("JobNotFound")
        return job

    def schedule(self, schedule_id: str) -> JobSchedule:
        """Raises Refused JobScheduleNotFound."""
        schedule = self.schedules.get(schedule_id.lower())
        if schedule is None:
            raise Refused("JobScheduleNotFound")
        return schedule

    def task(self, job_id: str, task_id: str) -> Task:
        """Raises Refused JobNotFound, TaskNotFound."""
        task = self.job(job_id).tasks.get(task_id.lower())
        if task is None:
            raise Refused("TaskNotFound")
        return task

    def pool_of(self, job: Job) -> Pool | None:
        """The job's pool, if there is one now: a job may name a pool that comes later."""
        return self.pools.get(job.pool_id.lower()) if job.pool_id else None

    def add(self, entity: Pool | JobSchedule | Job | Task) -> None:
        """Take in something new."""
        key = entity.id.lower()
        match entity:
            case Pool():
                self.pools[key] = entity
            case JobSchedule():
                self.schedules[key] = entity
            case Job():
                self._add_job(entity, entity.pool_id)
            case Task():
                entity.job.tasks[key] = entity
                entity.job.open_tasks += 1
                entity.job.enqueue(entity)
        self.save(entity)

    def _add_job(self, job: Job, pool_id: str | None) -> None:
        key = job.id.lower()
        self.jobs[key] = job
        self.bind(job, pool_id)
        schedule = self.schedules.get((job.schedule or "").lower())
        if schedule is not None:
            schedule.jobs[key] = job

    def bind(self, job: Job, pool_id: str | None) -> None:
        """Let the job's tasks go to that pool."""
        if job.pool_id:
            self.jobs_of[job.pool_id.lower()].pop(job.id.lower(), None)
        job.pool_id = pool_id
        if pool_id:
            self.jobs_of[pool_id.lower()][job.id.lower()] = job

    def save(self, entity: Entity) -> None:
        """The entity's record goes to disk with the next flush."""
        if not self._changed:
            asyncio.get_running_loop().call_soon(self.flush)
        self._changed[entity.key] = entity

    def remove(self, entity: Pool | JobSchedule | Job | Task) -> None:
        """Out of memory and off the disk."""
        self.flush()
        kind, key = entity.key
        self._store.drop(kind, key)
        match entity:
            case Pool():
                del self.pools[key]
            case JobSchedule():
                del self.schedules[key]
            case Job():
                self._remove_job(entity)
            case Task():
                entity.job.remove(entity)
        self._store.commit()

    def _remove_job(self, job: Job) -> None:
        key = job.id.lower()
        self._store.drop_below("task", key)
        self.bind(job, None)
        del self.jobs[key]
        schedule = self.schedules.get((job.schedule or "").lower())
        if schedule is not None:
            del schedule.jobs[key]

    def flush(self) -> None:
        """Write what changed; an answer goes out only after this."""
        if self._closed:  # a step that was cut off by the end had something left to say
            return
        changed, self._changed = self._changed, {}
        for (kind, key), entity in changed.items():
            self._store.put(kind, key, entity.record())
        self._store.commit()

    def restore(self) -> None:
        """Read all back, as it was; what was running is for the caller to judge."""
        highest = 0
        for record in sorted(self._store.load("pool"), key=lambda record: record["number"]):
            nodes = record.pop("nodes")
            pool = Pool(endpoint=self.endpoint, **record)
            for node in nodes:
                pool.take_back(node)
            self.pools[pool.id.lower()] = pool
            highest = max(highest, pool.number)
        for record in sorted(self._store.load("jobschedule"), key=lambda record: record["number"]):
            schedule = JobSchedule(endpoint=self.endpoint, **record)
            self.schedules[schedule.id.lower()] = schedule
            highest = max(highest, schedule.number)
        for record in sorted(self._store.load("job"), key=lambda record: record["number"]):
            self._restore_job(record)
            highest = max(highest, record["number"])
        for record in sorted(self._store.load("task"), key=lambda record: record["number"]):
            self._restore_task(record)
            highest = max(highest, record["number"])
        for job in self.jobs.values():
            _line_up(job)
        self.numbers = count(highest + 1)

    def _restore_job(self, record: dict[str, Any]) -> None:
        pool_id = record.pop("pool_id")
        for name in ("preparations", "releases"):
            record[name] = {key: NodeTask(**value) for key, value in record[name].items()}
        job = Job(endpoint=self.endpoint, **record)
        self._add_job(job, pool_id)

    def _restore_task(self, record: dict[str, Any]) -> None:
        job = self.jobs.get(record.pop("job").lower())
        if job is None:
            return
        task = Task(job=job, **record)
        if task.state in ("preparing", "running"):
            task.requeue()
            self.save(task)
        job.tasks[task.id.lower()] = task
        job.open_tasks += task.state != "completed"

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Let it run by itself; an error is logged, never lost."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._finished)
        return task

    def see_through(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """As `spawn` for a killing, which also `halt` lets finish: half killed is the worst."""
        task = self.spawn(work)
        self._killings.add(task)
        task.add_done_callback(self._killings.discard)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a background step of the Batch emulator failed", exc_info=error)

    async def halt(self) -> None:
        """Stop all background work where it stands."""
        if self._killings:
            await asyncio.wait(self._killings, timeout=_KILLING_SECONDS)
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    def close(self) -> None:
        """Write the rest."""
        self.flush()
        self._closed = True
        self._store.close()


def _line_up(job: Job) -> None:
    for task in job.tasks.values():
        if task.state == "completed":
            job.settle(task)
    for task in job.tasks.values():
        if task.state == "active":
            job.enqueue(task)
