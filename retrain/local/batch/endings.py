"""How jobs end: terminated, completed by themselves, out of time, disabled, deleted.

One coroutine per job (`_wind_down`) walks the way: tasks ended, preparations stopped, release run,
auto pool dropped; then the job is completed, or gone. A deletion that comes meanwhile is noticed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from retrain.local.batch import exits, folders
from retrain.local.batch.account import Account
from retrain.local.batch.entity import moment_of
from retrain.local.batch.fleet import Fleet
from retrain.local.batch.job import Job
from retrain.local.batch.preparations import Preparations
from retrain.local.batch.scheduler import Scheduler
from retrain.local.batch.task import Task
from retrain.local.batch.trouble import Trouble

ALL_DONE = "AllTasksComplete"
OUT_OF_TIME = "MaxWallClockTimeExpiry"
BY_USER = "UserTerminate"
FAILED = "TaskFailed"
MANAGER_DONE = "JMComplete"


class Endings:
    """Ends jobs and removes tasks."""

    def __init__(
        self,
        account: Account,
        scheduler: Scheduler,
        fleet: Fleet,
        preparations: Preparations,
        trouble: Trouble,
    ) -> None:
        self._account = account
        self._scheduler = scheduler
        self._fleet = fleet
        self._preparations = preparations
        self._trouble = trouble
        self.on_job_over: Callable[[Job], None] = _nobody_listens

    def watch_clock(self, job: Job) -> None:
        """Arm the timer of the job's maxWallClockTime, counted from its creation."""
        if job.clock:
            job.clock.cancel()
            job.clock = None
        limit = job.wall_clock_seconds
        if limit is not None and job.state not in ("terminating", "completed", "deleting"):
            passed = (datetime.now(UTC) - moment_of(job.created)).total_seconds()
            loop = asyncio.get_running_loop()
            left = min(max(0.0, limit - passed), 86400.0 * 365)
            job.clock = loop.call_later(left, self.terminate, job, OUT_OF_TIME)

    def task_over(self, task: Task) -> None:
        """A task left its node, or ended without one: its exit may be its job's end."""
        job = task.job
        if task.state == "completed" and task.manages and job.ends_with_manager:
            self.terminate(job, MANAGER_DONE)
        if task.state == "completed" and job.state == "active" and job.acts_on_failure:
            action = exits.job_action(task.spec, task.exit)
            if action == "terminate":
                self.terminate(job, FAILED)
            elif action == "disable":
                self.disable(job, "requeue")
        self.after_task(job)

    def take_up(self, job: Job) -> None:
        """After a restart: what the end of a task had begun is done."""
        over = [task for task in job.tasks.values() if task.state == "completed"]
        if job.ends_with_manager and any(task.manages for task in over):
            self.terminate(job, MANAGER_DONE)
        fatal = any(exits.job_action(task.spec, task.exit) == "terminate" for task in over)
        if job.state == "active" and job.acts_on_failure and fatal:
            self.terminate(job, FAILED)
        self.after_task(job)

    def after_task(self, job: Job) -> None:
        """A task of the job left its node, or its completion behaviour changed."""
        if job.ends_when_done:
            self.terminate(job, ALL_DONE)
        elif job.state == "disabling" and not job.running:
            job.to("disabled")
            self._account.save(job)

    def terminate(self, job: Job, reason: str = BY_USER) -> None:
        """End the job; its active tasks stay active, forever."""
        if job.state in ("terminating", "completed", "deleting"):
            return
        job.to("terminating")
        job.reason = reason
        self._account.save(job)
        self.wind_down(job)

    def delete(self, job: Job, *, force: bool = False) -> None:
        """Remove the job and all that is its own; `force` skips the release task."""
        job.to("deleting")
        job.forced = force
        self._account.save(job)
        self.wind_down(job)

    def wind_down(self, job: Job) -> None:
        """Set out on the way to the job's end, unless it is on it."""
        if job.clock:
            job.clock.cancel()
            job.clock = None
        if not job.winding:
            job.winding = True
            self._account.spawn(self._wind_down(job))

    async def _wind_down(self, job: Job) -> None:
        await self._end_tasks(job)
        await self._preparations.stop(job)
        if not job.forced:
            await self._preparations.release(job)
        if job.state == "terminating":
            job.to("completed")
            job.ended = job.state_since
            self._account.save(job)
        job.winding = False
        self._drop_auto_pool(job)
        if job.state == "deleting":
            await self._remove(job)
        self.on_job_over(job)

    async def _end_tasks(self, job: Job) -> None:
        while job.running:
            job.quiet.clear()
            self._scheduler.kill(job.running, "terminate")
            await job.quiet.wait()

    def _drop_auto_pool(self, job: Job) -> None:
        pool = self._account.pool_of(job)
        if pool is None or pool.state == "deleting" or not job.auto_pool:
            return
        own = job.auto_pool["poolLifetimeOption"].lower() == "job"
        kept = not own or job.auto_pool.get("keepAlive")
        if not kept and not self._trouble.leaks(pool.id):
            self._fleet.delete(pool)

    async def _remove(self, job: Job) -> None:
        await self._trouble.slow_down_deletion(job.id)
        present = {node for pool in self._account.pools.values() for node in pool.nodes}
        await folders.remove_job(self._account.folder / "nodes", job.folder, present)
        self._account.remove(job)

    def disable(self, job: Job, option: str) -> None:
        """Stop starting tasks; running ones are requeued, terminated, or waited for."""
        job.to("disabling")
        self._account.save(job)
        if option in ("requeue", "terminate"):
            self._scheduler.kill(job.running, "requeue" if option == "requeue" else "terminate")
        self.after_task(job)

    def enable(self, job: Job) -> None:
        """Start tasks again."""
        job.to("enabling")
        job.to("active")
        self._account.save(job)
        self._scheduler.fill_for(job)
        self.after_task(job)

    def end_task(self, task: Task) -> None:
        """Terminate one task, waiting or running."""
        if task.state == "active":
            self._scheduler.end_waiting(task)
            self.task_over(task)
            self._scheduler.fill_for(task.job)
        else:
            self._scheduler.kill((task,), "terminate")

    async def remove_task(self, task: Task) -> None:
        """Kill the task if it runs, and remove it with its folder."""
        while task in task.job.running:
            self._scheduler.kill((task,), "delete")
            await self._scheduler.over(task)
        if task.id.lower() not in task.job.tasks:
            return
        self._account.remove(task)
        if task.node:
            root = self._account.folder / "nodes" / task.node["nodeId"]
            await folders.remove(root / task.node["taskRootDirectory"])
        self.after_task(task.job)


def _nobody_listens(job: Job) -> None:
    """Until the service tells it who does."""
