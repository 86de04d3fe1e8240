"""Where attempts run, and what is there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from shared.domain.events import Cause
from shared.domain.run import Problem
from shared.jobs import AmlCompute

Tier = Literal["dedicated", "low_priority"]


@dataclass(frozen=True, slots=True)
class InputFile:
    """One blob (`folder` False) or all blobs below a prefix, put below `target` on the node.

    account: a storage account's name, "" is our own.  public: the file's address, or the folder's
    container, when no signature is needed; it is used instead of account and container.
    """

    container: str
    path: str
    target: str
    folder: bool
    account: str = ""
    public: str = ""


@dataclass(frozen=True, slots=True)
class OutputPlace:
    """What lies at `source` below the working folder goes to this path, or below this prefix."""

    source: str
    container: str
    path: str
    folder: bool
    account: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """All that an attempt needs. The same order twice is one attempt.

    script: run under /bin/sh in the task's working folder.  variables: its environment.
    outputs: kept elsewhere than under the run; the rest of ./outputs and ./logs goes there.
    snapshot: the code's blob in container `snapshots`, or None.  timeout: of the script itself.
    compute: key of the named compute whose nodes it takes; None is a pool of its own, of `vm_size`
    (None: the deployment's) and `tier`.  priority: among those that wait, -1000..1000.
    nodes: the script runs on each of so many at once, and what the first leaves is kept.
    checkpoints: container that ./checkpoints is restored from and kept in, or None.
    container_options: more options for the container's engine.
    """

    key: str
    run: str
    image: str
    script: str
    variables: dict[str, str]
    inputs: Sequence[InputFile]
    snapshot: str | None
    timeout: timedelta
    vm_size: str | None = None
    outputs: Sequence[OutputPlace] = ()
    nodes: int = 1
    container_options: str = ""
    checkpoints: str | None = None
    compute: str | None = None
    tier: Tier = "dedicated"
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How an attempt stands. `cause` and `problem` speak only when the phase is `ended`.

    requeued: it ran before, and the service waits for a node again, as it lost the one it had.
    requeues: how often that happened.  exit_code: the script's, when it ended with one.
    """

    phase: Literal["provisioning", "preparing", "running", "ended"]
    prepared_at: datetime | None = None
    started_at: datetime | None = None
    cause: Cause = "none"
    problem: Problem | None = None
    requeued: bool = False
    requeues: int = 0
    exit_code: int | None = None


class Compute(Protocol):
    """Twins: BatchCompute (the SDK), SimulatedCompute (virtual time)."""

    def provision(self, order: Order) -> None:
        """Create what the attempt needs. Raises Refused when the service won't, Transient."""

    def report(self, key: str) -> Report | None:
        """None when the service knows no such attempt (never made, or deleted)."""

    def take_down(self, key: str) -> None:
        """Have everything of the attempt deleted; nothing there is success. Raises Transient."""


@dataclass(frozen=True, slots=True)
class AttemptSeen:
    """`state` is the service's word; `ended` says that the attempt's work is over.

    reason: the service's word for why it ended.  problem: why it could do nothing for it.
    """

    id: str
    key: str
    run: str
    state: str
    ended: bool
    deleting: bool
    created_at: datetime
    reason: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class PoolSeen:
    """key: the attempt's; empty for a named compute's, of which `compute` is the key.

    errors: why nodes could not be had.  preparing, running, lost: node counts; a lost node is there
    and of no use, and an idle one is among the preparing.  preempted: those of the lost whose place
    the service fills again as soon as it can.  lost_why: of one that it doesn't, if that is known.
    target: nodes it is on its way to.
    made: how it was made and how it scales, for whoever made it to compare.
    """

    id: str
    key: str
    run: str
    state: str
    nodes: int
    deleting: bool
    created_at: datetime
    errors: tuple[Problem, ...]
    preparing: int = 0
    running: int = 0
    lost: int = 0
    preempted: int = 0
    lost_why: Problem | None = None
    idle: int = 0
    target: int = 0
    compute: str = ""
    made: tuple[str, str] = ("", "")


class Inventory(Protocol):
    """What compute of ours exists. A list is one call for a thousand entries."""

    def attempts(self) -> Sequence[AttemptSeen]: ...

    def pools(self) -> Sequence[PoolSeen]: ...

    def drop_pool(self, pool_id: str) -> None:
        """Nothing there is success."""


class Pools(Protocol):
    """The nodes of named computes. Twins: BatchPools (the SDK), SimulatedCompute."""

    def region(self) -> str:
        """Where all compute is, such as `westeurope`; empty when nothing tells."""

    def ensure(
        self, compute: AmlCompute, seen: PoolSeen | None, *, extra: int = 0, hurry: bool = False
    ) -> None:
        """Have the compute's pool be there, and be as the compute says; no call when it is.

        seen: the pool, as listed just now.  extra: nodes needed beyond one for each attempt.
        hurry: think anew, now, of how many nodes it takes.
        Raises Refused when the service won't, Transient.
        """


class LiveLogs(Protocol):
    """The files of a task that runs."""

    def read(self, key: str, file: str, offset: int, limit: int) -> bytes | None:
        """Up to `limit` bytes from `offset`; None while there is no such file."""
