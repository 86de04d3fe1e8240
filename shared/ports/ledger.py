"""What is only ever added to: lines that scripts log, many writers at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

#: Bytes of one line, its end included. What is longer has to be cut into several.
LONGEST_LINE: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Position:
    """How far a ledger was read: a segment, from 0, and a number of bytes in it."""

    segment: int = 0
    offset: int = 0


START: Final = Position()


class Ledger(Protocol):
    """Twins: BlobLedger, SimulatedLedger. A path is a name of ours, such as `<run>/1/metrics`.

    A line may be there twice: a write whose answer was lost is sent again.
    """

    def append(self, path: str, line: bytes) -> None:
        """One write, whoever else writes. The line ends with a newline and holds no other."""

    def append_at(self, path: str, line: bytes, end: Position) -> bool:
        """Append if `end` still is the ledger's end; False, and nothing written, if it isn't."""

    def read(self, path: str, since: Position = START) -> tuple[bytes, Position]:
        """All whole lines after `since`, and the end. Nothing there is no lines."""

    def list(self, prefix: str) -> Sequence[str]:
        """The paths that begin with the prefix, in order."""
