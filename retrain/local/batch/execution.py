"""What the service and the node tell each other: one process to run, and how it ended.

The service decides when and where; a node downloads the resource files, runs the process, uploads
the output files and kills what is left. Each side can be tested with a stand-in for the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

UploadCondition = Literal["tasksuccess", "taskfailure", "taskcompletion"]


@dataclass(frozen=True, slots=True)
class ResourceFile:
    """A file, or every blob below a prefix of a container, that is there before the process starts.

    Exactly one of the two URLs is set. `file_path` is the file's path below the working folder, or
    the folder that the container's blobs are put in; `file_mode` is octal digits ("0755").
    """

    http_url: str | None
    storage_container_url: str | None
    blob_prefix: str | None
    file_path: str | None
    file_mode: str | None


@dataclass(frozen=True, slots=True)
class OutputFile:
    """Files to upload once the process has ended; `pattern` is relative to the working folder.

    `headers` are for the request that makes each blob.
    """

    pattern: str
    container_url: str
    path: str | None
    condition: UploadCondition
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an execution failed, in the words of the service's `failureInfo`."""

    category: Literal["usererror", "servererror"]
    code: str
    message: str
    details: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Execution:
    """One process the node is to run.

    `key` is unique among those running and safe as a file name ("<job>--<task>--<n>");
    `root` is AZ_BATCH_NODE_ROOT_DIR; `task_dir` (AZ_BATCH_TASK_DIR) holds stdout.txt, stderr.txt
    and wd/; `environment` is complete. `wall_clock_seconds` None means no limit.
    """

    key: str
    root: Path
    task_dir: Path
    command_line: str
    environment: Mapping[str, str]
    image: str | None
    container_run_options: str
    resource_files: tuple[ResourceFile, ...]
    output_files: tuple[OutputFile, ...]
    wall_clock_seconds: float | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and all it waited for used: seconds of CPU, and disk blocks of 512 bytes."""

    user: float
    kernel: float
    read: int
    written: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an execution ended: exit code 0 and no failure is success; both are never None.

    `usage` is None where nobody counted.
    """

    exit_code: int | None
    failure: Failure | None
    usage: Usage | None = field(default=None, compare=False)

    @property
    def succeeded(self) -> bool:
        """True when the process ended with 0 and everything was uploaded."""
        return self.exit_code == 0 and self.failure is None


class Node(Protocol):
    """What runs executions: processes or containers on this machine, or a stand-in in a test."""

    async def run(self, execution: Execution, on_started: Callable[[], None]) -> Outcome:
        """Download, run, upload; `on_started` is called once, when the process is started."""
        ...

    async def terminate(self, key: str) -> None:
        """Kill the execution and all that it started; its `run` then returns."""
        ...

    async def reap(self) -> None:
        """At start: kill whatever an earlier life of the emulator left running."""
        ...

    async def stop(self) -> None:
        """Kill everything that runs and give back what is held."""
        ...
