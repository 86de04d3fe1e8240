"""Job preparation and release: once per node and job, before the first task and after the last.

A failed preparation keeps the job's tasks off that node (unless waitForSuccess is false); the
node goes on to serve other jobs.
"""

from __future__ import annotations

import asyncio
import sys

from retrain.local.batch import launch
from retrain.local.batch.account import Account
from retrain.local.batch.entity import stamp
from retrain.local.batch.execution import Execution, Failure, Node, Outcome
from retrain.local.batch.folders import fresh
from retrain.local.batch.job import Job, NodeTask
from retrain.local.batch.pool import ComputeNode


async def run_fresh(runner: Node, execution: Execution) -> Outcome:
    """Run it in an empty folder; a folder that can't be made is the node's fault."""
    try:
        fresh(execution.task_dir)
    except OSError as error:
        message = f"The task's folder could not be made: {error}"
        return Outcome(None, Failure("servererror", "ResourceDirectoryCreateFailed", message))
    return await runner.run(execution, lambda: None)


class Preparations:
    """Runs and remembers both kinds of task, for all jobs."""

    def __init__(self, account: Account, runner: Node) -> None:
        self._account = account
        self._runner = runner

    def settled(self, job: Job, node: ComputeNode) -> bool:
        """True when a task may start at once: nothing to prepare, or prepared already."""
        if job.preparation is None:
            return True
        known = job.preparations.get(node.id)
        waits = job.preparation.get("waitForSuccess", True)
        return known is not None and not known.stale and (not waits or known.result == "success")

    def barred(self, job: Job, node: ComputeNode) -> bool:
        """True when the preparation failed there for good, so that no task may go there."""
        known = job.preparations.get(node.id)
        waits = (job.preparation or {}).get("waitForSuccess", True)
        return known is not None and not known.stale and waits and known.result == "failure"

    async def prepared(self, job: Job, node: ComputeNode) -> bool:
        """Prepare the node for the job if nobody did; True when tasks may run there."""
        if self.settled(job, node):
            return True
        running = job.preparing.get(node.id)
        if running is None:
            running = self._account.spawn(self._prepare(job, node))
            job.preparing[node.id] = running
            running.add_done_callback(lambda _: job.preparing.pop(node.id, None))
        if not (job.preparation or {}).get("waitForSuccess", True):
            return True
        return await asyncio.shield(running)

    def forget_for_reboot(self, job: Job) -> None:
        """The nodes rebooted: what failed, or asks for it, is prepared anew before a task."""
        for known in job.preparations.values():
            known.stale = self._again(job, known)

    def _again(self, job: Job, known: NodeTask) -> bool:
        again: bool = (job.preparation or {}).get("rerunOnNodeRebootAfterSuccess", True)
        return again or known.result != "success"

    async def _prepare(self, job: Job, node: ComputeNode) -> bool:
        execution = launch.preparation_execution(self._account, job, node)
        spec = job.preparation or {}
        limit = int((spec.get("constraints") or {}).get("maxTaskRetryCount") or 0)
        limit = sys.maxsize if limit == -1 else limit
        run = self._begin(job, node, launch.PREPARATION)
        job.preparations[node.id] = run
        self._account.save(job)
        turn = node.turn
        while True:
            outcome = await run_fresh(self._runner, execution)
            ending = job.state != "active" or node.turn != turn
            if not outcome.exit_code or ending or run.retries >= limit:
                break
            run.retries += 1
            run.last_retry = stamp()
        run.end(outcome)
        self._account.save(job)
        return outcome.succeeded

    async def stop(self, job: Job) -> None:
        """Kill the job's preparations that are running, and wait until they are over."""
        await asyncio.gather(*(self._stop(job, node_id) for node_id in list(job.preparing)))

    async def leave(self, node: ComputeNode) -> None:
        """Kill what prepares the node for jobs or releases it, and wait until that is over."""
        jobs = self._account.jobs_of[node.pool.id.lower()].values()
        preparing = [job for job in jobs if node.id in job.preparing]
        releasing = [job for job in jobs if self._releases(job, node)]
        await asyncio.gather(*(self._stop(job, node.id) for job in preparing))
        for job in releasing:
            await self._runner.terminate(launch.release_key(job, node.id))

    def _releases(self, job: Job, node: ComputeNode) -> bool:
        release = job.releases.get(node.id)
        return release is not None and not release.ended

    async def _stop(self, job: Job, node_id: str) -> None:
        running = job.preparing.get(node_id)
        if running is not None:
            key = launch.preparation_key(job, node_id)
            await asyncio.shield(self._account.see_through(self._runner.terminate(key)))
            await asyncio.wait({running})

    def forget(self, node: ComputeNode, *, wiped: bool) -> None:
        """The node rebooted, or lost its disk: then nothing was ever prepared there."""
        for job in self._account.jobs_of[node.pool.id.lower()].values():
            known = job.preparations.get(node.id)
            if known is None or job.state == "completed":  # what was, stays to be seen
                continue
            if wiped:
                del job.preparations[node.id]
            else:
                known.stale = known.stale or self._again(job, known)
            self._account.save(job)

    async def release(self, job: Job) -> None:
        """Run the job's release on each node that ran its preparation, side by side."""
        pool = self._account.pool_of(job)
        if job.release is None or pool is None:
            return
        nodes = [node for node in pool.nodes.values() if self._owes_release(job, node)]
        await asyncio.gather(*(self._release(job, node) for node in nodes))

    def _owes_release(self, job: Job, node: ComputeNode) -> bool:
        done = job.releases.get(node.id)
        works = node.has_machine and node.state != "unusable"
        return works and node.id in job.preparations and not (done and done.ended)

    async def _release(self, job: Job, node: ComputeNode) -> None:
        run = self._begin(job, node, launch.RELEASE)
        job.releases[node.id] = run
        self._account.save(job)
        execution = launch.release_execution(self._account, job, node)
        run.end(await run_fresh(self._runner, execution))
        self._account.save(job)

    def _begin(self, job: Job, node: ComputeNode, name: str) -> NodeTask:
        return NodeTask(
            pool_id=node.pool.id,
            node_id=node.id,
            node_url=node.url,
            folder=f"{job.folder}/{name}",
        )
