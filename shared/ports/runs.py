"""The records of runs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.domain.run import Run
from shared.domain.status import Status


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it was read; `etag` must still be the store's when it is saved."""

    run: Run
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a list tells of a run without reading its record.

    compute: key of the named compute it is on, or None.  nodes: how many it takes.
    timeout: seconds that its script may take, None when the job sets none.
    """

    name: str
    status: Status
    attempt: int
    display_name: str
    experiment_name: str
    kind: str
    schedule: str | None
    created_at: datetime
    heard_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    compute: str | None = None
    nodes: int = 1
    cancel_asked_at: datetime | None = None
    timeout: int | None = None


class Runs(Protocol):
    """Twins: BlobRuns, SimulatedRuns."""

    def create(self, run: Run) -> bool:
        """Write the first record; False when there is one already, which is left as it is."""

    def load(self, name: str) -> Stored:
        """Raises NotFound."""

    def save(self, run: Run, etag: str) -> None:
        """Raises Conflict when the record is no longer the one that was loaded."""

    def list(self, prefix: str = "") -> Iterable[Summary]:
        """Those whose names begin with the prefix, oldest first; one call for 5,000."""
