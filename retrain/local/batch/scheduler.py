"""Which task runs where: whenever a slot or a task comes free, tasks are given to nodes at once.

Nothing is polled. `fill` is called by whoever changed something: a task came, a task ended, a node
came, a job was enabled. Each running task is one coroutine (`_carry`) from assignment to its end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from itertools import count
from typing import Any

from retrain.local.batch import launch
from retrain.local.batch.account import Account
from retrain.local.batch.execution import Node, Outcome
from retrain.local.batch.instances import Instances, instance_keys
from retrain.local.batch.job import Job
from retrain.local.batch.placement import need, place, victims
from retrain.local.batch.pool import ComputeNode, Pool
from retrain.local.batch.preparations import Preparations, run_fresh
from retrain.local.batch.task import ENDED_BY_USER, Task, Verdict


class Scheduler:
    """`on_task_over` is told of every task that left its node; it may end the task's job."""

    def __init__(
        self,
        account: Account,
        runner: Node,
        preparations: Preparations,
        on_task_over: Callable[[Task], None],
    ) -> None:
        self._account = account
        self._runner = runner
        self._preparations = preparations
        self._on_task_over = on_task_over
        self._instances = Instances(account, runner)
        self._turns = count(1)
        self._carrying: dict[Task, asyncio.Task[None]] = {}
        self._told: dict[Task, asyncio.Future[None]] = {}  # preparing tasks: set when killed

    def fill_for(self, job: Job) -> None:
        """Something of the job may be able to run now."""
        pool = self._account.pool_of(job)
        if pool is not None:
            self.fill(pool)

    def fill(self, pool: Pool) -> None:
        """Give waiting tasks to free nodes, jobs of higher priority first."""
        of_pool = self._account.jobs_of[pool.id.lower()].values()
        preempting = any(job.running and job.spec.get("allowTaskPreemption") for job in of_pool)
        free = any(node.free > 0 for node in pool.nodes.values())
        if pool.state != "active" or not (free or preempting):
            return
        jobs = [job for job in of_pool if job.waiting]
        for job in sorted(jobs, key=lambda job: (-job.priority, job.number)):
            self._fill_from(job, pool, preempting=preempting)

    def _fill_from(self, job: Job, pool: Pool, *, preempting: bool) -> None:
        while job.state == "active" and job.may_start_more():
            task = next(iter(job.waiting.values()))
            barred = partial(self._preparations.barred, job)
            nodes = place(task, pool, barred)
            if not nodes:
                if preempting:
                    self.kill(victims(task, pool, barred), "requeue")
                return
            del job.waiting[task.id.lower()]
            self._assign(task, nodes)

    def _assign(self, task: Task, nodes: list[ComputeNode]) -> None:
        task.runs += 1
        task.turn = next(self._turns)
        task.verdict = None
        task.held = need(task, nodes[0].pool)
        task.node = launch.node_document(task, nodes[0])
        for node in nodes:
            node.take(task)
        task.job.running.add(task)
        if all(self._preparations.settled(task.job, node) for node in nodes):
            task.start()
        else:
            task.to("preparing")
        self._account.save(task)
        carrying = self._account.spawn(self._carry(task, nodes))
        self._carrying[task] = carrying

    async def _carry(self, task: Task, nodes: list[ComputeNode]) -> None:
        """Prepare the nodes, run the task until it needs no other try, and free the slots."""
        job = task.job
        try:
            if task.state == "running" or await self._prepare(task, nodes):
                while await self._run_once(task, nodes):
                    pass
        finally:
            self._carrying.pop(task, None)
            job.running.discard(task)
            for node in nodes:
                node.give_back(task)
            if not job.running:
                job.quiet.set()
        self._on_task_over(task)
        self.fill(nodes[0].pool)
        self.fill_for(job)

    async def _prepare(self, task: Task, nodes: list[ComputeNode]) -> bool:
        """True when the task is running; else it went back, or was ended while it waited."""
        ready = await self._unless_killed(task, self._all_prepared(task.job, nodes))
        if ready and task.verdict is None:
            task.start()
            self._account.save(task)
            return True
        if task.verdict is not None:
            self._obey(task, task.verdict)
        else:
            task.to("active")
            self._wait_again(task)
        return False

    async def _all_prepared(self, job: Job, nodes: list[ComputeNode]) -> bool:
        return all(
            await asyncio.gather(*(self._preparations.prepared(job, node) for node in nodes))
        )

    async def _unless_killed(self, task: Task, preparation: Coroutine[Any, Any, bool]) -> bool:
        """What the preparation says, or False as soon as the task has a verdict."""
        if task.verdict is not None:
            preparation.close()
            return False
        told = asyncio.get_running_loop().create_future()
        self._told[task] = told
        preparing = asyncio.ensure_future(preparation)
        try:
            await asyncio.wait({told, preparing}, return_when=asyncio.FIRST_COMPLETED)
            return preparing.done() and preparing.result()
        finally:
            del self._told[task]
            told.cancel()
            preparing.cancel()

    async def _run_once(self, task: Task, nodes: list[ComputeNode]) -> bool:
        """Run the task; True when it is to be tried once more where it is."""
        began = time.monotonic()
        if task.instances:
            outcome = await self._instances.run(task, nodes)
        else:
            execution = launch.task_execution(self._account, task, nodes[0])
            outcome = await run_fresh(self._runner, execution)
        task.spend(time.monotonic() - began, outcome.usage)
        if task.verdict is not None and not outcome.succeeded:
            self._obey(task, task.verdict)
            return False
        again = task.may_retry(outcome) and task.job.state == "active"
        if again:
            task.retry(outcome)
            task.runs += 1
            task.start()
        else:
            self._complete(task, outcome)
        self._account.save(task)
        return again

    def _obey(self, task: Task, verdict: Verdict) -> None:
        if verdict == "requeue":
            task.requeue()
            self._wait_again(task)
        else:
            self._complete(task, Outcome(None, ENDED_BY_USER))
        self._account.save(task)

    def _complete(self, task: Task, outcome: Outcome) -> None:
        task.complete(outcome)
        task.job.open_tasks -= 1
        task.job.settle(task)

    def _wait_again(self, task: Task) -> None:
        job, key = task.job, task.id.lower()
        job.waiting[key] = task
        job.waiting.move_to_end(key, last=False)
        self._account.save(task)

    def reactivate(self, task: Task) -> None:
        """Let a failed task run again."""
        task.job.dependencies.forget(task)
        task.reactivate()
        task.job.open_tasks += 1
        self._wait_again(task)
        self.fill_for(task.job)

    def end_waiting(self, task: Task) -> None:
        """Complete a task that never got a node, because its user said so."""
        task.job.waiting.pop(task.id.lower(), None)
        task.job.dependencies.forget(task)
        self._complete(task, Outcome(None, ENDED_BY_USER))
        self._account.save(task)

    async def over(self, task: Task) -> None:
        """Wait until the task has left its node; at once when it is on none."""
        carrying = self._carrying.get(task)
        if carrying is not None:
            await asyncio.wait({carrying})

    def kill(self, tasks: Iterable[Task], verdict: Verdict) -> None:
        """End running tasks; the first verdict on a task stands."""
        for task in list(tasks):
            task.verdict = task.verdict or verdict
            told = self._told.get(task)
            if told is not None and not told.done():
                told.set_result(None)
            elif task.state == "running":
                for key in (task.run_key, *instance_keys(task)):
                    self._account.see_through(self._runner.terminate(key))
