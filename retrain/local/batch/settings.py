"""What one Batch account on loopback is started with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from retrain.local.faults import Faults

if TYPE_CHECKING:
    from retrain.local.engine import Engine

#: Not a secret: it guards a port on loopback, and is the same everywhere so that examples work.
DEFAULT_KEY = "UmV0cmFpbidzIGxvY2FsIEF6dXJlIEJhdGNoIGFjY291bnQga2V5LCBub3QgYSBzZWNyZXQ="


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSettings:
    """Port 0 takes any free one. `engine` None runs container tasks as processes.

    `allocation_seconds` is how long a pool takes to get or give back nodes; with 0 a pool has its
    nodes when the answer to its creation arrives. `speed` is how much faster than the clock the
    service's own intervals pass: those of autoscaling and job schedules, and resize timeouts.
    `environments` is where the image builder keeps virtual environments; None means
    `data`/environments. `silence_seconds` is how long a client may pause in the middle of a
    request. `faults` are those it suffers.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 0
    account: str = "retrainlocal"
    key: str = DEFAULT_KEY
    engine: Engine | None = None
    environments: Path | None = None
    allocation_seconds: float = 0.0
    speed: float = 1.0
    silence_seconds: float = 60.0
    faults: Faults = field(default_factory=Faults)

    @property
    def environments_folder(self) -> Path:
        """Where environments of images are looked up in process mode."""
        return self.environments or self.data / "environments"
