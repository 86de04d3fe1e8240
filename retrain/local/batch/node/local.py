"""The node: runs executions on this machine, in containers if it can, else as processes.

    resource files → start, wait, end what is left → output files

Whatever goes wrong on the way ends in an Outcome with the service's failure. Only a node that is
stopped gives none: its runs end as cancelled, and the service may run the tasks again.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from retrain.local.batch.execution import Execution, Outcome
from retrain.local.batch.node import leftovers
from retrain.local.batch.node.containers import Containers
from retrain.local.batch.node.downloads import download
from retrain.local.batch.node.environments import Environments
from retrain.local.batch.node.failures import Broken, node_failed, terminated, user_error
from retrain.local.batch.node.programs import Programs
from retrain.local.batch.node.service_log import ServiceLog
from retrain.local.batch.node.transfer import Transfer
from retrain.local.batch.node.uploads import upload
from retrain.local.engine import Engine


@dataclass(slots=True)
class _Live:
    work: asyncio.Task[Outcome]
    terminated: bool = field(default=False)


class LocalNode:
    """One machine as a Batch node; the promise is `execution.Node`'s.

    engine: what runs containers; None runs every task as a process.  environments: folder of the
    virtual environments of process mode.  log: the service's data folder; it names this node among
    others on the machine, so that `reap` never touches another stack's tasks.
    """

    def __init__(self, engine: Engine | None, environments: Path, log: Path) -> None:
        self.identity = hashlib.sha256(str(log.resolve()).encode()).hexdigest()[:16]
        self._log = ServiceLog(log)
        own = Environments(environments.absolute(), self.identity)
        self._programs = Programs(self.identity, own, self._log)
        self._containers = Containers(engine, self.identity, self._log) if engine else None
        self._transfer = Transfer()
        self._live: dict[str, _Live] = {}
        self._log.say(
            f"tasks with an image run in containers of {engine.name}: {shlex.join(engine.command)}"
            if engine
            else "tasks run as processes: no container engine was found"
        )

    async def run(self, execution: Execution, on_started: Callable[[], None]) -> Outcome:
        """Download, run, upload; `on_started` is called once, when the process is started."""
        work = asyncio.create_task(self._work(execution, on_started))
        live = self._live[execution.key] = _Live(work)
        try:
            return await work
        except asyncio.CancelledError:
            if live.terminated:
                return terminated()
            raise
        finally:
            work.cancel()
            await asyncio.wait([work])
            del self._live[execution.key]

    async def terminate(self, key: str) -> None:
        """Kill the execution and all that it started; returns when nothing of it is left."""
        live = self._live.get(key)
        if live is None:
            return
        if not live.terminated:  # who is asked twice must not break off what the first one began
            live.terminated = True
            live.work.cancel()
        await asyncio.wait([live.work])

    async def reap(self) -> None:
        """Kill what an earlier life of this node left running. Call it before the first run."""
        count = 0
        if self._containers is not None:  # first: their monitors are marked too
            count += await self._containers.reap()
        ours = leftovers.tree(os.getpid())
        count += await asyncio.to_thread(leftovers.end, leftovers.NODE_MARK, self.identity, ours)
        if count:
            self._log.say(f"ended {count} processes and containers of an earlier life")
        self._programs.sweep()
        self._programs.warm()
        await asyncio.to_thread(self._transfer.warm)  # so that the first task need not wait for it

    async def stop(self) -> None:
        """Kill everything that runs and give back what is held."""
        works = [live.work for live in self._live.values()]
        for work in works:
            work.cancel()
        if works:
            await asyncio.wait(works)
        self._programs.stop()
        await self._transfer.close()

    async def _work(self, execution: Execution, on_started: Callable[[], None]) -> Outcome:
        try:
            outcome = await self._process(execution, on_started)
            failure = await upload(self._transfer, execution, succeeded=outcome.succeeded)
        except Broken as broken:
            return Outcome(None, broken.failure)
        except OSError as error:
            self._log.say(f"{execution.key}: {error}")
            return node_failed(error)
        return replace(outcome, failure=outcome.failure or failure)

    async def _process(self, execution: Execution, on_started: Callable[[], None]) -> Outcome:
        working = execution.task_dir / "wd"
        working.mkdir(parents=True, exist_ok=True)
        argv = _split(execution.command_line)
        await download(self._transfer, execution.resource_files, working)
        if self._containers is not None and execution.image is not None:
            return await self._containers.run(execution, argv, on_started)
        return await self._programs.run(execution, argv, on_started)


def _split(command_line: str) -> list[str]:
    try:
        argv = shlex.split(command_line)
    except ValueError as error:
        message = "The command line can't be split into a program and its arguments"
        raise user_error("CommandLaunchFailed", message, message=str(error)) from error
    if not argv:
        raise user_error("CommandProgramNotFound", "The specified command program is not found")
    return argv
