"""Anything may happen to nodes at any time, and still each task runs to one end.

No sockets and no processes: the service itself, with a stand-in for the node, in one event loop.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest

from retrain.local.batch.allocation import Demand, Grant, ResizeError
from retrain.local.batch.clock import Clock
from retrain.local.batch.compute_node import WORKING, ComputeNode
from retrain.local.batch.execution import Execution, Failure, Outcome
from retrain.local.batch.job import Job
from retrain.local.batch.pool import Pool
from retrain.local.batch.service import Service
from retrain.local.batch.task import Task
from retrain.local.faults import Faults

PATIENCE_SECONDS: Final = 60
TASKS: Final = 120
ENDED: Final = Outcome(None, Failure("usererror", "TaskEnded", "ended"))


class QuickNode:
    """Runs nothing for a moment; counts what came to its end by itself."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._ends: dict[str, asyncio.Event] = {}
        self.done: Counter[str] = Counter()

    async def run(self, execution: Execution, on_started: Callable[[], None]) -> Outcome:
        assert execution.key not in self._ends, "twice at once"
        end = self._ends[execution.key] = asyncio.Event()
        on_started()
        try:
            await asyncio.wait_for(end.wait(), self._chance.uniform(0, 0.01))
        except TimeoutError:
            self.done[execution.environment.get("AZ_BATCH_TASK_ID", "start")] += 1
            return Outcome(0, None)
        finally:
            del self._ends[execution.key]
        return ENDED

    async def terminate(self, key: str) -> None:
        if key in self._ends:
            self._ends[key].set()

    async def reap(self) -> None:
        pass

    async def stop(self) -> None:
        pass


class Moody:
    """Sometimes slow, sometimes short of nodes."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.calm = False

    def grant(self, demand: Demand) -> Grant:
        seconds = self._chance.choice((0.0, 0.0, 0.01))
        if self.calm or self._chance.random() < 0.7:
            return Grant(seconds, demand.dedicated, demand.low_priority)
        return Grant(seconds, 0, 0, (ResizeError.of("AllocationFailed"),))

    def deletion_seconds(self, pool_id: str) -> float:
        return 0.0


class Storm:
    """One pool, one job that prepares its nodes, and bad luck."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.runner = QuickNode(self.chance)
        self.allocation = Moody(self.chance)
        self.service = Service(
            "a", "http://127.0.0.1:1", folder, self.runner, self.allocation, Clock(10_000), Faults()
        )
        fleet, account = self.service.fleet, self.service.account
        spec = {
            "vmSize": "STANDARD_D2S_V3",
            "targetDedicatedNodes": 2,
            "targetLowPriorityNodes": 2,
            "taskSlotsPerNode": 2,
            "startTask": {"commandLine": "x", "maxTaskRetryCount": 1},
        }
        self.pool: Pool = fleet.create("p", spec)
        prepare = {"jobPreparationTask": {"commandLine": "x"}, "poolInfo": {"poolId": "p"}}
        number = next(account.numbers)
        self.job = Job(id="j", number=number, spec=prepare, endpoint=account.endpoint, pool_id="p")
        account.add(self.job)
        self.tasks = [self._task(number) for number in range(TASKS)]

    def _task(self, number: int) -> Task:
        task = Task(id=f"t{number}", number=number, spec={"commandLine": "x"}, job=self.job)
        self.service.account.add(task)
        return task

    async def rage(self) -> None:
        """A few hundred blows."""
        blows = (self._resize, self._send, self._send, self._lose, self._schedule, self._stop)
        self.service.scheduler.fill(self.pool)
        for _ in range(300):
            self.chance.choice(blows)()
            await asyncio.sleep(self.chance.choice((0, 0, 0.002)))

    def _resize(self) -> None:
        for dedicated in (True, False):
            self.pool.aim(self.chance.randrange(4), dedicated=dedicated)
        option = self.chance.choice(("requeue", "taskcompletion"))
        self.service.fleet.resize(self.pool, option)

    def _node(self, *states: str) -> ComputeNode | None:
        nodes = [node for node in self.pool.nodes.values() if node.state in states]
        return self.chance.choice(nodes) if nodes else None

    def _send(self) -> None:
        life = self.service.fleet.life
        node = self._node(*WORKING, "waitingforstarttask", "starttaskfailed", "unusable")
        if node is not None:
            way = self.chance.choice((life.reboot, life.reimage, life.deallocate))
            way(node, self.chance.choice(("requeue", "taskcompletion")))
        asleep = self._node("deallocated")
        if asleep is not None:
            life.start(asleep)

    def _lose(self) -> None:
        fleet = self.service.fleet
        node = self._node(*WORKING, "waitingforstarttask")
        if node is not None and node.dedicated:
            fleet.mark_unusable(node)
        elif node is not None:
            fleet.preempt(node)

    def _schedule(self) -> None:
        life = self.service.fleet.life
        node = self._node(*WORKING)
        if node is not None and node.scheduling == "enabled":
            life.disable(node, self.chance.choice(("requeue", "taskcompletion")))
        elif node is not None:
            life.enable(node)

    def _stop(self) -> None:
        if self.pool.allocation == "resizing":
            self.service.fleet.resizes.stop(self.pool)

    def calm(self) -> None:
        """From now on all goes well, on new nodes."""
        self.allocation.calm = True
        for dedicated in (True, False):
            self.pool.aim(0, dedicated=dedicated)
        self.service.fleet.resize(self.pool)

    def recover(self) -> None:
        self.pool.aim(2, dedicated=True)
        self.service.fleet.resize(self.pool)


async def _until(ready: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not ready():
            await asyncio.sleep(0.005)


async def _weather(folder: Path, seed: int, check: Callable[[Storm], Awaitable[None]]) -> None:
    storm = Storm(folder, seed)
    try:
        await storm.rage()
        await check(storm)
    finally:
        await storm.service.stop()


async def _all_end(storm: Storm) -> None:
    pool, job = storm.pool, storm.job
    storm.calm()
    await _until(lambda: pool.allocation == "steady" and not pool.nodes)
    assert job.running == set()
    storm.recover()
    await _until(lambda: all(task.state == "completed" for task in storm.tasks))
    await _until(lambda: all(node.state == "idle" for node in pool.nodes.values()))
    assert [node.used for node in pool.nodes.values()] == [0, 0]
    assert (job.open_tasks, len(job.waiting), job.preparing) == (0, 0, {})
    # Killed at the moment of its end, a task may have run again; none was forgotten.
    assert all(storm.runner.done[task.id] >= 1 for task in storm.tasks)
    assert {task.result for task in storm.tasks} == {"success"}


@pytest.mark.parametrize("seed", range(5))
def test_every_task_survives_a_storm(tmp_path: Path, seed: int) -> None:
    asyncio.run(_weather(tmp_path, seed, _all_end))


async def _ends(storm: Storm) -> None:
    storm.service.fleet.delete(storm.pool)
    await _until(lambda: "p" not in storm.service.account.pools)
    assert storm.job.running == set()
    assert {task.state for task in storm.tasks} <= {"active", "completed"}


@pytest.mark.parametrize("seed", range(5, 8))
def test_a_pool_can_be_deleted_in_a_storm(tmp_path: Path, seed: int) -> None:
    asyncio.run(_weather(tmp_path, seed, _ends))
