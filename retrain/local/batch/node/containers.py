"""Container mode: one execution as a container of podman or docker.

The node's root folder is mounted under its own path, so every AZ_BATCH_* path holds inside. Output
is attached straight to the files. The container's process namespace ends with its first process,
and everything the task started with it. A label names the node, so `reap` finds what a killed
emulator left.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

from retrain.local.batch.execution import Execution, Outcome
from retrain.local.batch.node import leftovers
from retrain.local.batch.node.failures import exited, timed_out, user_error
from retrain.local.batch.node.service_log import ServiceLog
from retrain.local.engine import Engine

NODE_LABEL: Final = "retrain.node"
KEY_LABEL: Final = "retrain.key"
ENGINE_FAILED: Final = 125  # exit code of `run` when no process was started, or the task's own
NOT_EXECUTABLE: Final = 126
NOT_FOUND: Final = 127
#: The engine's own variables: a task's value for one is given by value, not through the engine.
ENGINES_OWN: Final = ("PATH", "HOME", "USER", "TMPDIR", "XDG_", "DOCKER_", "CONTAINER", "LD_")
TAIL_BYTES: Final = 4096


class Containers:
    """Runs executions in containers that carry the node's identity and their own key."""

    def __init__(self, engine: Engine, identity: str, log: ServiceLog) -> None:
        self._engine = engine
        self._identity = identity
        self._log = log
        self._there: set[str] = set()
        self._pulling: dict[str, asyncio.Lock] = {}

    async def run(
        self, execution: Execution, argv: Sequence[str], on_started: Callable[[], None]
    ) -> Outcome:
        """Run it to its end, or to its limit. Raises Broken when no process could be started."""
        image = execution.image or ""
        await self._have(image)
        name = f"retrain-{self._identity}-{execution.key}"
        mark = execution.task_dir / ".container"
        mark.unlink(missing_ok=True)
        client = await self._client(execution, [*self._flags(execution, name), image, *argv])
        try:
            on_started()
            try:
                async with asyncio.timeout(execution.wall_clock_seconds):
                    code = await client.wait()
            except TimeoutError:
                return timed_out(execution.wall_clock_seconds or 0.0)
            if code >= ENGINE_FAILED:
                self._explain(code, execution, argv[0])
            return exited(code if code >= 0 else 128 - code)
        finally:
            if client.returncode is None:
                await asyncio.shield(self._end(client, name))
            mark.unlink(missing_ok=True)

    async def reap(self, spare: Collection[str]) -> int:
        """Remove this node's containers, but for those of the spared keys; return how many."""
        label = f"label={NODE_LABEL}={self._identity}"
        form = '{{.ID}} {{index .Labels "' + KEY_LABEL + '"}}'
        code, listed = await self._call("ps", "--all", "--filter", label, "--format", form)
        if code:
            self._log.say(f"containers can't be listed: {listed}")
            return 0
        found = [line.partition(" ") for line in listed.splitlines()]
        ids = [number for number, _, key in found if key not in spare]
        if ids:
            await self._call("rm", "--force", "--volumes", *ids)
        return len(ids)

    def _flags(self, execution: Execution, name: str) -> Iterator[str]:
        root = str(execution.root)
        yield from ("--rm", "--pull", "never", "--log-driver", "none")
        yield from ("--name", name, "--label", f"{NODE_LABEL}={self._identity}")
        yield from ("--label", f"{KEY_LABEL}={execution.key}")
        yield from ("--cidfile", str(execution.task_dir / ".container"))
        yield from ("--volume", f"{root}:{root}", "--workdir", str(execution.task_dir / "wd"))
        yield from _variables(execution.environment)
        yield from self._engine.run_options
        yield from shlex.split(execution.container_run_options)

    async def _client(
        self, execution: Execution, arguments: Sequence[str]
    ) -> asyncio.subprocess.Process:
        marks = {
            leftovers.NODE_MARK: self._identity,
            leftovers.TASK_MARK: f"{self._identity}:{execution.key}",
        }
        with (
            (execution.task_dir / "stdout.txt").open("wb") as out,
            (execution.task_dir / "stderr.txt").open("wb") as err,
        ):
            return await asyncio.create_subprocess_exec(
                *(*self._engine.command, "run", *arguments),
                env={**execution.environment, **os.environ, **marks},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    async def _end(self, client: asyncio.subprocess.Process, name: str) -> None:
        """Remove the container; the client then sees it ended. A client that doesn't is killed."""
        await self._call("rm", "--force", "--volumes", name)
        try:
            await asyncio.wait_for(client.wait(), timeout=10)
        except TimeoutError:
            client.kill()
            await client.wait()
            await self._call("rm", "--force", "--volumes", name)

    async def _have(self, image: str) -> None:
        """Pull the image unless the engine has it. Raises Broken with the engine's message."""
        async with self._pulling.setdefault(image, asyncio.Lock()):
            if image in self._there:
                return
            missing, _ = await self._call("image", "inspect", "--format", "{{.Id}}", image)
            if missing:
                self._log.say(f"pulling image {image}")
                failed, said = await self._call("pull", "--quiet", image)
                if failed:
                    raise user_error(
                        "ContainerInvalidImage",
                        f"One or more container images specified for the task are invalid: {image}",
                        image=image,
                        message=said,
                    )
            self._there.add(image)

    def _explain(self, code: int, execution: Execution, program: str) -> None:
        """Raise Broken when the exit code is the engine's, not the task's."""
        with (execution.task_dir / "stderr.txt").open("rb") as errors:
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - TAIL_BYTES))
            said = errors.read().decode(errors="replace").strip()
        made = (execution.task_dir / ".container").exists()
        if code == ENGINE_FAILED and not made:
            self._there.discard(execution.image or "")
            message = "At least one value of specified task container settings is invalid"
            raise user_error("ContainerInvalidSettings", message, message=said)
        if code == NOT_FOUND and _runtime_said(said):
            message = "The specified command program is not found"
            raise user_error("CommandProgramNotFound", message, program=program, message=said)
        if code in (ENGINE_FAILED, NOT_EXECUTABLE) and _runtime_said(said):
            message = "The command could not be launched"
            raise user_error("CommandLaunchFailed", message, program=program, message=said)

    async def _call(self, *arguments: str) -> tuple[int, str]:
        """Call the engine; its exit code, and what it said."""
        client = await asyncio.create_subprocess_exec(
            *(*self._engine.command, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        said, _ = await client.communicate()
        return client.returncode or 0, said.decode(errors="replace").strip()


def _variables(environment: Mapping[str, str]) -> Iterator[str]:
    """Pass the variables by name, values through the client's environment: any text, and unseen."""
    for name, value in environment.items():
        yield from ("--env", f"{name}={value}" if _of_engine(name) else name)


def _of_engine(name: str) -> bool:
    return name.startswith(ENGINES_OWN) or name in os.environ


def _runtime_said(text: str) -> bool:
    """Whether the last words are the OCI runtime's complaint that it can't start the program."""
    last = text.rpartition("\n")[2]
    return "OCI runtime" in last or "exec:" in last or "executable file" in last
