"""What a node goes through: it boots, reboots, is reimaged, deallocated, preempted, found unusable.

Each way is the same: the node takes no more tasks, what runs on it ends as the option says, and
then it arrives. A way that starts while another is still waiting overtakes it.

    creating ─▶ starting ─▶ waitingforstarttask ─▶ idle | starttaskfailed
    working ─▶ rebooting | reimaging | deallocating | preempted | unusable | leavingpool
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from retrain.local.batch import launch
from retrain.local.batch.account import Account
from retrain.local.batch.allocation import Allocation, Demand
from retrain.local.batch.compute_node import WORKING, ComputeNode
from retrain.local.batch.entity import stamp
from retrain.local.batch.folders import make_root, wipe
from retrain.local.batch.preparations import Preparations
from retrain.local.batch.retention import seconds_left
from retrain.local.batch.scheduler import Scheduler
from retrain.local.batch.start_tasks import StartTasks
from retrain.local.batch.task import Verdict

#: What becomes of running tasks on a node that goes; None: they may finish first.
DEALLOCATION: Final[dict[str, Verdict | None]] = {
    "requeue": "requeue",
    "terminate": "terminate",
    "taskcompletion": None,
    "retaineddata": None,
}

#: How long a preempted node waits before it asks again for a machine that was refused.
_REPLACEMENT_SECONDS: Final = 30.0

#: How soon a node that waits for its tasks' retention notices that tasks were deleted.
_RETENTION_SECONDS: Final = 1.0


class NodeLife:
    """Sends nodes on their ways."""

    def __init__(
        self,
        account: Account,
        scheduler: Scheduler,
        preparations: Preparations,
        start_tasks: StartTasks,
        allocation: Allocation,
    ) -> None:
        self._account = account
        self._scheduler = scheduler
        self._preparations = preparations
        self._start_tasks = start_tasks
        self._allocation = allocation
        self.on_boot: Callable[[ComputeNode], None] = _nobody_asks

    def boot(self, node: ComputeNode) -> None:
        """A machine came up: at once it takes tasks, unless its start task has to run first."""
        make_root(launch.node_root(self._account, node.id))
        node.turn += 1
        node.booted = stamp()
        node.errors = []
        node.start_task = node.pool.spec.get("startTask")
        node.start_run = None
        node.to("starting")
        if node.start_task is None or not node.waits_for_start_task:
            node.work()
        else:
            node.to("waitingforstarttask")
        if node.start_task is not None:
            node.starting = self._account.spawn(self._start(node, node.turn))
        self.on_boot(node)

    async def _start(self, node: ComputeNode, turn: int) -> None:
        outcome = await self._start_tasks.run(node, turn)
        node.starting = None
        if node.turn != turn or node.state != "waitingforstarttask":
            return
        if outcome.succeeded:
            node.work()
            self._scheduler.fill(node.pool)
        else:
            node.to("starttaskfailed")

    def at_rest(self, node: ComputeNode) -> bool:
        """True when nothing of anybody runs on it and its disk is still: it can go at once."""
        jobs = self._account.jobs_of[node.pool.id.lower()].values()
        preparing = any(node.id in job.preparing for job in jobs)
        return not (node.running or node.starting or preparing or node.disk.locked())

    async def clear(self, node: ComputeNode, option: str, turn: int) -> None:
        """End what runs on the node, or wait for it, as the option says.

        Leaves off when another way has overtaken this one: what runs then is that one's.
        """
        verdict = DEALLOCATION[option]
        if verdict is not None:
            self._scheduler.kill(node.running, verdict)
        if node.running:
            await node.empty.wait()
        while option == "retaineddata" and (left := seconds_left(self._account, node)) > 0:
            await asyncio.sleep(min(left, _RETENTION_SECONDS))
        for stop in (self._preparations.leave, self._start_tasks.stop):
            if node.turn == turn:
                await stop(node)
        async with node.disk:
            return  # an overtaken way may still be wiping it

    def reboot(self, node: ComputeNode, option: str) -> None:
        """Start it anew, with the pool's present start task; its files stay."""
        self._send(node, "rebooting", option, self._boot_again)

    def reimage(self, node: ComputeNode, option: str) -> None:
        """As `reboot`, on an empty disk."""
        self._send(node, "reimaging", option, self._boot_again, wiped=True)

    def deallocate(self, node: ComputeNode, option: str) -> None:
        """Give back its machine; it stays in the pool, without its files."""
        self._send(node, "deallocating", option, self._deallocated, wiped=True)

    def start(self, node: ComputeNode) -> None:
        """Give a deallocated node a machine again."""
        node.allocated = stamp()
        self._send(node, "starting", "requeue", self._boot_again)

    def preempt(self, node: ComputeNode) -> None:
        """Its machine is taken away: its tasks are requeued, its files are gone.

        It comes back under its own id as soon as there is a machine for it.
        """
        if node.dedicated:
            raise ValueError(f"Node {node.id} is dedicated: only low-priority ones are preempted")
        self._account.usage.note(node)
        self._send(node, "preempted", "requeue", self._await_machine, wiped=True)

    def mark_unusable(self, node: ComputeNode, code: str, message: str) -> None:
        """The service can't use it any more; its tasks are requeued, until somebody reboots it."""
        node.errors = [{"code": code, "message": message, "errorDetails": []}]
        self._send(node, "unusable", "requeue", self._stay)

    def disable(self, node: ComputeNode, option: str) -> None:
        """It takes no more tasks; those that run end as the option says."""
        node.scheduling = "disabled"
        self._account.save(node.pool)
        if node.state in WORKING:
            node.work()
        verdict = DEALLOCATION[option]
        if verdict is not None:
            self._scheduler.kill(node.running, verdict)

    def enable(self, node: ComputeNode) -> None:
        """It takes tasks again."""
        node.scheduling = "enabled"
        self._account.save(node.pool)
        if node.state in WORKING:
            node.work()
        self._scheduler.fill(node.pool)

    def leave(self, node: ComputeNode) -> None:
        """It takes no more tasks, and goes when what runs there is over (see `clear`)."""
        if not node.leaving:
            node.leaving, node.left = True, node.state
            node.turn += 1
            node.to("leavingpool")

    def keep(self, node: ComputeNode) -> None:
        """A node that was to leave stays after all, and goes on where it was."""
        node.leaving = False
        node.turn += 1
        prepared = node.starting is None and not (node.waits_for_start_task and node.failed_start)
        on_its_way = {
            "preempted": (self._await_machine, True),
            "unusable": (self._stay, False),
            "deallocating": (self._deallocated, True),
        }
        if node.left in on_its_way:
            arrive, wiped = on_its_way[node.left]
            self._send(node, node.left, "requeue", arrive, wiped=wiped)
        elif node.left in ("creating", "deallocated", "starttaskfailed"):
            node.to(node.left)
        elif node.left in WORKING and prepared:
            node.work()
        else:
            self.reboot(node, "requeue")

    def restore(self, node: ComputeNode) -> None:
        """After a restart of the emulator: a reboot for all but those without a machine."""
        if node.state == "preempted":
            self._await_machine(node)
        elif node.state == "creating":
            self.boot(node)

    def _send(
        self,
        node: ComputeNode,
        state: str,
        option: str,
        arrive: Callable[[ComputeNode], None],
        *,
        wiped: bool = False,
    ) -> None:
        node.to(state)
        node.turn += 1
        self._account.save(node.pool)
        self._account.spawn(self._go(node, node.turn, option, arrive, wiped=wiped))

    async def _go(
        self,
        node: ComputeNode,
        turn: int,
        option: str,
        arrive: Callable[[ComputeNode], None],
        *,
        wiped: bool,
    ) -> None:
        await self.clear(node, option, turn)
        async with node.disk:
            if node.turn == turn:
                self._preparations.forget(node, wiped=wiped)
            if node.turn == turn and wiped:
                await wipe(launch.node_root(self._account, node.id))
            if node.turn == turn:
                arrive(node)
                self._account.save(node.pool)

    def _boot_again(self, node: ComputeNode) -> None:
        self.boot(node)
        self._scheduler.fill(node.pool)

    def _deallocated(self, node: ComputeNode) -> None:
        self._account.usage.note(node)
        node.to("deallocated")

    def _stay(self, node: ComputeNode) -> None:
        """It stays in the state it was sent to."""

    def _await_machine(self, node: ComputeNode) -> None:
        self._account.spawn(self._replace(node, node.turn))

    async def _replace(self, node: ComputeNode, turn: int) -> None:
        """Wait for a machine for a preempted node, for as long as it takes."""
        demand = Demand(node.pool.id, str(node.pool.spec["vmSize"]), 0, 1)
        while True:
            grant = self._allocation.grant(demand)
            await asyncio.sleep(grant.seconds)
            if node.turn != turn:
                return
            if grant.low_priority:
                break
            await asyncio.sleep(_REPLACEMENT_SECONDS)
        async with node.disk:
            if node.turn == turn:
                node.allocated = stamp()
                self._boot_again(node)
                self._account.save(node.pool)


def _nobody_asks(node: ComputeNode) -> None:
    """Until the service tells it who does."""
