"""Process mode: one execution as a process on this machine, under guard until all of it is gone."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from retrain.local.batch.execution import Execution, Outcome
from retrain.local.batch.node import leftovers
from retrain.local.batch.node.environments import Environments
from retrain.local.batch.node.failures import Broken, ended, guard_lost, timed_out, user_error
from retrain.local.batch.node.processes import Command, GuardLost, Processes, Running
from retrain.local.batch.node.service_log import ServiceLog

#: Elsewhere orphans leave the guard's sight, and are looked for by their mark.
ORPHANS_COME_BACK: Final = sys.platform == "linux"


class Programs:
    """Runs executions as processes, marked with the node's identity and their own key."""

    def __init__(self, identity: str, environments: Environments, log: ServiceLog) -> None:
        self._identity = identity
        self._environments = environments
        self._processes = Processes({leftovers.NODE_MARK: identity}, log.path)

    def warm(self) -> None:
        """Start the warden, so that the first execution need not wait for it."""
        self._processes.warm()

    def stop(self) -> None:
        """End the warden."""
        self._processes.stop()

    async def run(
        self, execution: Execution, argv: Sequence[str], on_started: Callable[[], None]
    ) -> Outcome:
        """Run it to its end, or to its limit. Raises Broken when it can't be started."""
        try:
            return await self._run(execution, argv, on_started)
        finally:
            await self._environments.give_back(execution.key)

    def sweep(self) -> None:
        """Delete the environments that an earlier life left, once its processes are gone."""
        self._environments.sweep()

    async def _run(
        self, execution: Execution, argv: Sequence[str], on_started: Callable[[], None]
    ) -> Outcome:
        running = await self._start(execution, argv)
        lost = True
        try:
            on_started()
            outcome = await _end(running, execution.wall_clock_seconds)
            lost = False
        except GuardLost:
            outcome = guard_lost()
        except asyncio.CancelledError:
            await _see_through(asyncio.ensure_future(running.end()))
            raise
        finally:
            running.close()
            if lost or not ORPHANS_COME_BACK:
                await asyncio.to_thread(leftovers.end, leftovers.TASK_MARK, self._mark(execution))
        return outcome

    async def _start(self, execution: Execution, argv: Sequence[str]) -> Running:
        prepared = await self._environments.prepare(
            execution.key, execution.image, execution.environment
        )
        environment = prepared.variables
        environment[leftovers.NODE_MARK] = self._identity
        environment[leftovers.TASK_MARK] = self._mark(execution)
        command = Command(
            argv=argv,
            environment=environment,
            cwd=execution.task_dir / "wd",
            stdout=execution.task_dir / "stdout.txt",
            stderr=execution.task_dir / "stderr.txt",
            notice=prepared.notice,
        )
        try:
            return await self._processes.start(command)
        except OSError as error:
            raise _not_started(argv[0], error) from error

    def _mark(self, execution: Execution) -> str:
        return f"{self._identity}:{execution.key}"


async def _see_through(work: asyncio.Future[None]) -> None:
    """Wait for it, however often that is broken off: half killed is the worst."""
    while not work.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(work)


async def _end(running: Running, limit: float | None) -> Outcome:
    try:
        async with asyncio.timeout(limit):
            status = await running.wait()
            return replace(ended(status), usage=running.usage)
    except TimeoutError:
        await running.end()
        return timed_out(limit or 0.0)


def _not_started(program: str, error: OSError) -> Broken:
    if isinstance(error, FileNotFoundError):
        message = "The specified command program is not found"
        return user_error("CommandProgramNotFound", message, program=program)
    message = "The command could not be launched"
    return user_error("CommandLaunchFailed", message, program=program, message=str(error))
