"""What a run's script prints: from the node while it runs, from Blob Storage afterwards."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from shared.ports.compute import LiveLogs
from shared.ports.files import OUTPUTS, Files
from shared.ports.runs import Runs

LogFile = Literal["stdout.txt", "stderr.txt"]
LOG_FILES: Final[tuple[LogFile, ...]] = get_args(LogFile)


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

    def read(self, name: str, file: LogFile, offset: int, limit: int) -> LogChunk:
        """Up to `limit` bytes from `offset`. Raises NotFound."""
        run = self.runs.load(name).run
        path = f"{name}/{run.attempt}/{file}"
        kept = self.files.stat(OUTPUTS, path)
        if kept is None:
            text = None if run.final or not run.attempt else self.live.read(
                run.key, file, offset, limit
            )  # fmt: skip
            text = text or b""
            return LogChunk(text, offset + len(text), run.final)
        text = b""
        if offset < kept.size:
            text = self.files.read(OUTPUTS, path, offset, limit)
        end = offset + len(text)
        return LogChunk(text, end, run.final and end >= kept.size)
