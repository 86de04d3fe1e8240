"""The parts of the emulated service, wired; and how it comes back after any kind of end."""

from __future__ import annotations

from pathlib import Path

from retrain.local.batch.account import Account
from retrain.local.batch.allocation import Allocation
from retrain.local.batch.beginnings import Beginnings
from retrain.local.batch.clock import Clock
from retrain.local.batch.endings import Endings
from retrain.local.batch.execution import Node
from retrain.local.batch.faulty_allocation import FaultyAllocation
from retrain.local.batch.faulty_node import FaultyNode
from retrain.local.batch.fleet import Fleet
from retrain.local.batch.node.log_uploads import LogUploads
from retrain.local.batch.preparations import Preparations
from retrain.local.batch.scheduler import Scheduler
from retrain.local.batch.schedules import Schedules
from retrain.local.batch.start_tasks import StartTasks
from retrain.local.batch.store import Store
from retrain.local.batch.task import Task
from retrain.local.batch.trouble import Trouble
from retrain.local.faults import Faults


class Service:
    """What the operations work with. `runner` runs the processes of all simulated nodes."""

    def __init__(
        self,
        name: str,
        endpoint: str,
        folder: Path,
        runner: Node,
        allocation: Allocation,
        clock: Clock,
        faults: Faults,
    ) -> None:
        self.account = Account(name, endpoint, folder, Store(folder / "batch.sqlite"))
        self.runner = runner = FaultyNode(runner, faults)
        self.preparations = Preparations(self.account, runner)
        self.scheduler = Scheduler(self.account, runner, self.preparations, self._task_over)
        self.start_tasks = StartTasks(self.account, runner)
        self.fleet = Fleet(
            self.account,
            self.scheduler,
            self.preparations,
            self.start_tasks,
            FaultyAllocation(allocation, faults),
            clock,
        )
        self.trouble = runner.trouble = Trouble(faults, self.account, self.fleet)
        self.fleet.life.on_boot = self.trouble.booted
        self.logs = LogUploads(folder)
        self.endings = Endings(
            self.account, self.scheduler, self.fleet, self.preparations, self.trouble
        )
        self.beginnings = Beginnings(self.account, self.fleet, self.scheduler, self.endings)
        self.schedules = Schedules(self.account, self.beginnings, self.endings, self.fleet, clock)
        self.endings.on_job_over = self.schedules.job_over

    def _task_over(self, task: Task) -> None:
        self.endings.task_over(task)

    async def resume(self) -> None:
        """Take up what an earlier life left: kill its processes, requeue, go on ending jobs."""
        await self.runner.reap()
        try:
            self.account.restore()
        except (KeyError, TypeError, AttributeError) as error:
            raise RuntimeError(
                f"What is in {self.account.folder} was not written by this emulator, or only half: "
                f"{error!r}. Start with another --data folder."
            ) from error
        for job in self.account.jobs.values():
            self.preparations.forget_for_reboot(job)
            if job.state in ("terminating", "deleting"):
                self.endings.wind_down(job)
            elif job.state == "enabling":
                job.to("active")
            self.endings.watch_clock(job)
        for pool in list(self.account.pools.values()):
            self.fleet.restore(pool)
        for job in list(self.account.jobs.values()):
            self.endings.take_up(job)
        self.schedules.resume()

    async def stop(self) -> None:
        """Stop all processes; what ran is requeued at the next start, as when a node is lost."""
        for job in self.account.jobs.values():
            if job.clock:
                job.clock.cancel()
        self.schedules.stop()
        self.fleet.autoscaling.stop()
        await self.account.halt()
        await self.runner.stop()
        await self.logs.close()
        self.account.close()
