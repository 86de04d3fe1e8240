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
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from retrain.local.batch.execution import Execution, Outcome
from retrain.local.batch.node import leftovers
from retrain.local.batch.node.engine_words import invalid_image, not_started
from retrain.local.batch.node.failures import exited, timed_out, user_error
from retrain.local.batch.node.service_log import ServiceLog
from retrain.local.engine import HOST_NETWORK, Engine

NODE_LABEL: Final = "retrain.node"
KEY_LABEL: Final = "retrain.key"
#: The engine's own variables: a task's value for one is given by value, not through the engine.
ENGINES_OWN: Final = ("PATH", "HOME", "USER", "TMPDIR", "XDG_", "DOCKER_", "CONTAINER", "LD_")
KILLS: Final = 60  # tries, half a second apart; the container may just be coming into being


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
        made = _id_file(execution)
        made.unlink(missing_ok=True)
        client = await self._client(execution, [*self._flags(execution, name), image, *argv])
        try:
            on_started()
            async with asyncio.timeout(execution.wall_clock_seconds):
                code = await client.wait()
            broken = not_started(
                code, execution.task_dir / "stderr.txt", argv[0], made=made.exists()
            )
        except TimeoutError:
            return timed_out(execution.wall_clock_seconds or 0.0)
        finally:
            if client.returncode is None:
                await asyncio.shield(self._end(client, name))
            made.unlink(missing_ok=True)
        if broken is not None:
            self._there.discard(image)  # should it be gone, the next execution pulls it
            raise broken
        return exited(code if code >= 0 else 128 - code)

    async def reap(self) -> int:
        """Remove all of this node's containers; return how many there were."""
        label = f"label={NODE_LABEL}={self._identity}"
        failed, listed = await self._call("ps", "--all", "--quiet", "--filter", label)
        if failed:
            self._log.say(f"containers can't be listed: {listed}")
            return 0
        ids = listed.split()
        if ids:
            await self._call("kill", *ids)
            await self._call("rm", "--force", "--volumes", *ids)
        return len(ids)

    def _flags(self, execution: Execution, name: str) -> Iterator[str]:
        root, working = str(execution.root), str(execution.task_dir / "wd")
        yield from ("--rm", "--pull", "never", "--log-driver", "none")
        yield from ("--name", name, "--label", f"{NODE_LABEL}={self._identity}")
        yield from ("--label", f"{KEY_LABEL}={execution.key}")
        yield from ("--cidfile", str(_id_file(execution)))
        yield from ("--volume", f"{root}:{root}", "--workdir", working)
        if self._engine.init:
            yield "--init"
        if self._engine.user is not None:  # who has no home in the image
            yield from ("--user", self._engine.user, "--env", f"HOME={working}")
        yield from _variables(execution.environment)
        options = _options(execution.container_run_options)
        yield from _without_network(self._engine.run_options, options)
        yield from options

    async def _client(
        self, execution: Execution, arguments: Sequence[str]
    ) -> asyncio.subprocess.Process:
        passed = {n: v for n, v in execution.environment.items() if not _of_engine(n)}
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
                env={**passed, **os.environ, **marks},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    async def _end(self, client: asyncio.subprocess.Process, name: str) -> None:
        """Kill the container until its client has seen it end."""
        for _ in range(KILLS):
            await self._call("kill", name)
            try:
                async with asyncio.timeout(0.5):
                    await client.wait()
                break
            except TimeoutError:
                continue
        else:
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
                    raise invalid_image(image, said)
            self._there.add(image)

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


def _id_file(execution: Execution) -> Path:
    """Where the engine writes the container's id once it has made one."""
    return execution.task_dir / ".container"


def _options(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        message = "At least one value of specified task container settings is invalid"
        raise user_error("ContainerInvalidSettings", message, message=str(error)) from error


def _without_network(ours: Sequence[str], tasks: Sequence[str]) -> Sequence[str]:
    """Our options; a task that chooses its network itself has that one alone."""
    if HOST_NETWORK[0] not in ours or not any(one.startswith("--net") for one in tasks):
        return ours
    return [one for one in ours if one not in HOST_NETWORK]


def _variables(environment: Mapping[str, str]) -> Iterator[str]:
    """Pass the variables by name, values through the client's environment: any text, and unseen."""
    for name, value in environment.items():
        yield from ("--env", f"{name}={value}" if _of_engine(name) else name)


def _of_engine(name: str) -> bool:
    return name.startswith(ENGINES_OWN) or name in os.environ
