"""Ledgers in memory: one segment each, and as many bytes as one likes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.ports.ledger import LONGEST_LINE, START, Position


@dataclass
class SimulatedLedger:
    """Ledger. `calls` counts reads and writes."""

    lines: dict[str, bytes] = field(default_factory=dict)
    calls: int = 0

    def append(self, path: str, line: bytes) -> None:
        self.calls += 1
        if len(line) > LONGEST_LINE:
            raise ValueError(f"a line of {len(line)} bytes is too long for {path}")
        self.lines[path] = self.lines.get(path, b"") + line

    def append_at(self, path: str, line: bytes, end: Position) -> bool:
        if Position(0, len(self.lines.get(path, b""))) != end:
            return False
        self.append(path, line)
        return True

    def read(self, path: str, since: Position = START) -> tuple[bytes, Position]:
        self.calls += 1
        text = self.lines.get(path, b"")
        return text[since.offset :], Position(0, len(text))

    def list(self, prefix: str) -> Sequence[str]:
        return sorted(path for path in self.lines if path.startswith(prefix))
