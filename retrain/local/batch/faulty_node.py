"""A node on which executions go wrong while rules of faults say so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from retrain.local.batch.execution import Execution, Failure, Node, Outcome, OutputFile
from retrain.local.batch.node.failures import exited
from retrain.local.batch.node.transfer import named
from retrain.local.faults import Faults
from retrain.local.faults.batch import (
    ImagePullFailure,
    InputDownloadFailure,
    NodeLoss,
    OutputUploadFailure,
    Preemption,
    StartTaskFailure,
    TaskFailure,
)

if TYPE_CHECKING:
    from retrain.local.batch.trouble import Trouble

_SERVICE: Final = "batch"
_FACTS: Final = {
    "pool": "AZ_BATCH_POOL_ID",
    "node": "AZ_BATCH_NODE_ID",
    "job": "AZ_BATCH_JOB_ID",
    "task": "AZ_BATCH_TASK_ID",
}


class FaultyNode:
    """Another `Node` and what goes wrong on it. `trouble`: who takes machines away."""

    def __init__(self, node: Node, faults: Faults) -> None:
        self._node = node
        self._faults = faults
        self.trouble: Trouble | None = None

    async def run(self, execution: Execution, on_started: Callable[[], None]) -> Outcome:
        """As the node below, unless a rule strikes."""
        if not self._faults.armed:
            return await self._node.run(execution, on_started)
        facts = {
            name: execution.environment[variable]
            for name, variable in _FACTS.items()
            if variable in execution.environment
        }
        early = self._early_end(execution, facts)
        if early is not None:
            return early
        departing = self._departing(execution, facts)
        try:
            return await self._run(execution, facts, on_started, departing)
        finally:
            for departure in departing:
                departure.cancel()

    async def terminate(self, key: str) -> None:
        """See Node."""
        await self._node.terminate(key)

    async def reap(self) -> None:
        """See Node."""
        await self._node.reap()

    async def stop(self) -> None:
        """See Node."""
        await self._node.stop()

    def _early_end(self, execution: Execution, facts: dict[str, str]) -> Outcome | None:
        """The end of one that never starts."""
        if "job" not in facts:
            start = self._faults.strike(_SERVICE, StartTaskFailure, **_of_node(facts))
            return exited(start.rule.exit_code) if start else None
        kinds: list[type[TaskFailure]] = []
        if execution.image is not None:
            kinds.append(ImagePullFailure)
        if execution.resource_files:
            kinds.append(InputDownloadFailure)
        for kind in kinds:
            struck = self._faults.strike(_SERVICE, kind, **facts)
            if struck:
                return Outcome(None, _failure(struck.rule, **_concerned(execution, kind)))
        return None

    def _departing(self, execution: Execution, facts: dict[str, str]) -> list[Departure]:
        """The machine's ends that come so long after the start of the process."""
        if self.trouble is None or "job" not in facts:
            return []
        found: list[Departure] = []
        if execution.environment["AZ_BATCH_NODE_IS_DEDICATED"] == "false":
            preempted = self._faults.strike(_SERVICE, Preemption, **facts)
            if preempted:
                seconds = preempted.draw(preempted.rule.seconds)
                found.append(Departure(seconds, facts, self.trouble.preempt))
        lost = self._faults.strike(_SERVICE, NodeLoss, **facts)
        if lost:
            found.append(Departure(lost.draw(lost.rule.seconds), facts, self.trouble.lose))
        return found

    async def _run(
        self,
        execution: Execution,
        facts: dict[str, str],
        on_started: Callable[[], None],
        departing: list[Departure],
    ) -> Outcome:
        def started() -> None:
            on_started()
            for departure in departing:
                departure.begin()

        unkept = None
        if execution.output_files:
            unkept = self._faults.strike(_SERVICE, OutputUploadFailure, **facts)
        if unkept is None:
            return await self._node.run(execution, started)
        kept = tuple(each for each in execution.output_files if not _fits(each, unkept.rule))
        outcome = await self._node.run(replace(execution, output_files=kept), started)
        lost = [each.pattern for each in execution.output_files if each not in kept]
        failure = _failure(unkept.rule, **({"FilePath": lost[0]} if lost else {}))
        return replace(outcome, failure=outcome.failure or failure)


class Departure:
    """A machine's end, that many seconds after `begin`, unless it is cancelled before."""

    def __init__(
        self, seconds: float, facts: dict[str, str], depart: Callable[[str, str], None]
    ) -> None:
        self._seconds = seconds
        self._facts = facts
        self._depart = depart
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        loop, facts = asyncio.get_running_loop(), self._facts
        self._timer = loop.call_later(self._seconds, self._depart, facts["pool"], facts["node"])

    def cancel(self) -> None:
        if self._timer:
            self._timer.cancel()


def _failure(rule: TaskFailure, **details: str) -> Failure:
    """With details that name what it was about, as the node's own failures have."""
    return Failure(rule.category, rule.code, rule.message, tuple(details.items()))


def _concerned(execution: Execution, kind: type[TaskFailure]) -> dict[str, str]:
    if kind is ImagePullFailure:
        return {"Image": execution.image or ""}
    first = execution.resource_files[0]
    url = first.http_url or first.storage_container_url or ""
    return {"FilePath": first.file_path or named(url)}


def _fits(entry: OutputFile, rule: OutputUploadFailure) -> bool:
    return fnmatchcase(entry.pattern, rule.pattern)


def _of_node(facts: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in facts.items() if name in ("pool", "node")}
