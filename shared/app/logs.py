"""What a run's script prints, from the node while it runs and from Blob Storage afterwards.

So too what the build of its environment says.
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from shared.app.image_builds import ImageBuilds
from shared.app.queries import chosen
from shared.domain.run import Run
from shared.ports.compute import LiveLogs
from shared.ports.files import OUTPUTS, Files
from shared.ports.runs import Runs

LogFile = Literal["stdout.txt", "stderr.txt", "environment-build.log"]
LOG_FILES: Final[tuple[LogFile, ...]] = get_args(LogFile)
BUILD_LOG: Final = "environment-build.log"


@dataclass(frozen=True, slots=True)
class LogChunk:
    """`complete`: the run is over and nothing comes after `next_offset`."""

    content: bytes
    next_offset: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Logs:
    runs: Runs
    files: Files
    live: LiveLogs
    builds: ImageBuilds

    def read(
        self, name: str, file: LogFile, offset: int, limit: int, attempt: int | None = None
    ) -> LogChunk:
        """Up to `limit` bytes from `offset`, of an attempt (None: the last). Raises NotFound."""
        run = self.runs.load(name).run
        if file == BUILD_LOG:
            return self._build(run, offset, limit)
        number = chosen(run, attempt)
        over = run.final or number < run.attempt
        path = f"{name}/{number}/{file}"
        kept = self.files.stat(OUTPUTS, path)
        if kept is None:
            text = None if over or not number else self.live.read(run.key, file, offset, limit)
            text = text or b""
            return LogChunk(text, offset + len(text), over)
        text = b""
        if offset < kept.size:
            text = self.files.read(OUTPUTS, path, offset, limit)
        end = offset + len(text)
        return LogChunk(text, end, over and end >= kept.size)

    def _build(self, run: Run, offset: int, limit: int) -> LogChunk:
        """Of the build that the run waited for; one that found its image has no such log."""
        environment = run.job.environment
        if not environment.needs_build or environment.reference is not None:
            return LogChunk(b"", offset, complete=True)
        waits = not run.final and run.attempt == 0
        record = self.builds.record(environment.key)
        if record is None or (record.ended_at is not None and record.ended_at < run.created_at):
            return LogChunk(b"", offset, complete=not waits)
        text, ended = self.builds.log(environment.key, offset, limit)
        end = offset + len(text)
        return LogChunk(text, end, complete=ended and not text and not waits)
