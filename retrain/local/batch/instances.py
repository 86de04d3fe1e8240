"""Multi-instance tasks: one task on several nodes, which are told of each other.

    common files → the coordination command on every node → the task's own command on the first

A coordination command is done when it exits, but what it started (a daemon, say) must live until
the task ends. So it runs under a shell that writes its exit code to a file, and waits to be killed.
All nodes are this machine: each has a folder of its own, and all have the address 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from retrain.local.batch import launch
from retrain.local.batch.account import Account
from retrain.local.batch.compute_node import ComputeNode
from retrain.local.batch.entity import stamp, without_nulls
from retrain.local.batch.execution import Execution, Failure, Node, Outcome
from retrain.local.batch.folders import fresh
from retrain.local.batch.task import ENDED_BY_USER, Task, failure_document

_ADDRESS: Final = "127.0.0.1"
_PORT: Final = 6000
_LOOK_SECONDS: Final = 0.02
_CODE: Final = "coordination.code"
_KEEPER: Final = '"$@"; echo $? > "$0.new"; mv "$0.new" "$0"; exec sleep 2147483647'


@dataclass(slots=True)
class Member:
    """One node's part: number 0 is the primary, the others are the subtasks of that id."""

    number: int
    node: ComputeNode
    info: dict[str, str]  # nodeInfo
    folder: Path
    state: str = "preparing"
    since: str = field(default_factory=stamp)
    started: str = field(default_factory=stamp)
    before: tuple[str, str] | None = None
    ended: str | None = None
    exit_code: int | None = None
    failure: dict[str, Any] | None = None
    work: asyncio.Task[Outcome] | None = None

    @property
    def code_file(self) -> Path:
        """Where the shell writes how the coordination command ended."""
        return self.folder / _CODE

    def to(self, state: str) -> None:
        """Move to another state."""
        self.before, self.state, self.since = (self.state, self.since), state, stamp()

    def end(self, outcome: Outcome) -> None:
        """The task is over; a coordination command that succeeded stays a success."""
        self.to("completed")
        self.ended = self.since
        if self.exit_code != 0:
            self.exit_code = outcome.exit_code if self.exit_code is None else self.exit_code
            self.failure = failure_document(outcome)

    def document(self) -> dict[str, Any]:
        """The subtask as JSON."""
        result = "failure" if self.failure else "success"
        return without_nulls(
            {
                "id": self.number,
                "nodeInfo": self.info,
                "startTime": self.started,
                "endTime": self.ended,
                "exitCode": self.exit_code,
                "failureInfo": self.failure,
                "state": self.state,
                "stateTransitionTime": self.since,
                "previousState": self.before[0] if self.before else None,
                "previousStateTransitionTime": self.before[1] if self.before else None,
                "result": result if self.state == "completed" else None,
            }
        )


class Instances:
    """Runs tasks of several instances."""

    def __init__(self, account: Account, runner: Node) -> None:
        self._account = account
        self._runner = runner

    async def run(self, task: Task, nodes: list[ComputeNode]) -> Outcome:
        """Run the task to its end on these nodes, the first of which is the primary's."""
        team = [self._member(task, number, node) for number, node in enumerate(nodes)]
        try:
            for member in team:
                fresh(member.folder)
            self._show(task, team)
            outcome = await self._coordinate(task, team)
            if outcome is None:
                outcome = await self._runner.run(self._execution(task, team, 0), lambda: None)
        except OSError as error:
            message = f"The task's folder could not be made: {error}"
            outcome = Outcome(
                None, Failure("servererror", "ResourceDirectoryCreateFailed", message)
            )
        finally:
            await asyncio.shield(self._account.see_through(self._dismiss(task, team)))
        return outcome

    def _member(self, task: Task, number: int, node: ComputeNode) -> Member:
        folder = launch.node_root(self._account, node.id) / task.job.folder / task.id
        return Member(number, node, launch.node_document(task, node), folder)

    def _show(self, task: Task, team: list[Member]) -> None:
        task.subtasks = [member.document() for member in team[1:]]
        self._account.save(task)

    async def _coordinate(self, task: Task, team: list[Member]) -> Outcome | None:
        """None when the coordination command has succeeded on every node; else why not."""
        for member in team:
            member.work = asyncio.create_task(self._prepare(task, team, member))
        while True:
            works = [member.work for member in team if member.work is not None]
            done, _ = await asyncio.wait(
                works, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            self._look(task, team)
            if task.verdict is not None:
                return Outcome(None, ENDED_BY_USER)
            if done:
                return done.pop().result()
            if broken := [member for member in team if member.exit_code not in (None, 0)]:
                return _not_coordinated(broken[0])
            if all(member.exit_code == 0 for member in team):
                return None

    def _look(self, task: Task, team: list[Member]) -> None:
        for member in team:
            if member.exit_code is None and member.code_file.exists():
                member.exit_code = int(member.code_file.read_text())
                self._show(task, team)

    async def _prepare(self, task: Task, team: list[Member], member: Member) -> Outcome:
        """Fetch the common files, and run the coordination command until the task ends."""
        base = self._execution(task, team, member.number)
        settings = task.spec["multiInstanceSettings"]
        files = replace(
            base,
            key=instance_key(task, member.number),
            task_dir=member.folder / "common",
            command_line="/bin/true",
            image=None,
            resource_files=launch.resource_files(settings.get("commonResourceFiles")),
            output_files=(),
        )
        outcome = await self._runner.run(files, lambda: None)
        if not outcome.succeeded or task.verdict is not None:
            return outcome
        member.to("running")
        self._show(task, team)
        words = shlex.split(settings["coordinationCommandLine"])
        keeper = ["/bin/sh", "-c", _KEEPER, str(member.code_file), *words]
        primary = member.number == 0
        command = replace(
            files,
            task_dir=member.folder / "coordination" if primary else member.folder,
            command_line=shlex.join(keeper),
            image=base.image,
            resource_files=(),
        )
        return await self._runner.run(command, lambda: None)

    def _execution(self, task: Task, team: list[Member], number: int) -> Execution:
        member = team[number]
        addresses = [_ADDRESS] * len(team)
        told = {
            "AZ_BATCH_NODE_LIST": ";".join(addresses),
            "AZ_BATCH_HOST_LIST": ",".join(addresses),
            "AZ_BATCH_MASTER_NODE": f"{_ADDRESS}:{_PORT}",
            "AZ_BATCH_IS_CURRENT_NODE_MASTER": "true" if number == 0 else "false",
            "AZ_BATCH_TASK_SHARED_DIR": str(member.folder / "common" / "wd"),
            "CCP_NODES": " ".join([str(len(team)), *(f"{each} 1" for each in addresses)]),
        }
        return launch.task_execution(self._account, task, member.node, told)

    async def _dismiss(self, task: Task, team: list[Member]) -> None:
        """End what the coordination commands left running, and keep how each ended."""
        for member in team:
            if member.work is not None:
                await self._runner.terminate(instance_key(task, member.number))
                await asyncio.wait({member.work})
                cancelled = member.work.cancelled()
                member.end(Outcome(None, ENDED_BY_USER) if cancelled else member.work.result())
        self._show(task, team)


def instance_keys(task: Task) -> list[str]:
    """Those of all instances; none of a task that has none."""
    return [instance_key(task, number) for number in range(task.instances)]


def instance_key(task: Task, number: int) -> str:
    """Names the coordination of one instance on its node."""
    return f"{task.run_key}--{number}"


def _not_coordinated(member: Member) -> Outcome:
    message = "The coordination command exited with an exit code representing a failure"
    details = (("NodeId", member.node.id), ("ExitCode", str(member.exit_code)))
    return Outcome(member.exit_code, Failure("usererror", "FailureExitCode", message, details))
