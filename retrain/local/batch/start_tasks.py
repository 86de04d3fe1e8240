"""The pool's start task: on each node after each boot, before the node takes tasks.

Its files lie in the node's `startup` folder. A node whose start task failed takes no tasks until
it is rebooted, unless the start task does not ask to be waited for.
"""

from __future__ import annotations

import asyncio
import sys

from retrain.local.batch import launch
from retrain.local.batch.account import Account
from retrain.local.batch.compute_node import ComputeNode, StartRun
from retrain.local.batch.execution import Node, Outcome
from retrain.local.batch.preparations import run_fresh


class StartTasks:
    """Runs the start tasks of all pools."""

    def __init__(self, account: Account, runner: Node) -> None:
        self._account = account
        self._runner = runner

    async def run(self, node: ComputeNode, turn: int) -> Outcome:
        """Run the node's start task, again as often as it may be; how it ended."""
        execution = launch.start_execution(self._account, node)
        limit = int((node.start_task or {}).get("maxTaskRetryCount") or 0)
        limit = sys.maxsize if limit == -1 else limit
        run = node.start_run = StartRun()
        while True:
            outcome = await run_fresh(self._runner, execution)
            if not outcome.exit_code or node.turn != turn or run.retries >= limit:
                break
            run.retry()
        run.end(outcome)
        return outcome

    async def stop(self, node: ComputeNode) -> None:
        """Kill the node's start task if it runs, and wait until it is over."""
        starting = node.starting
        if starting is None:
            return
        key = launch.start_key(node)
        await asyncio.shield(self._account.see_through(self._runner.terminate(key)))
        await asyncio.wait({starting})
