"""What happened to a run. `id` names the occurrence, so that the same one twice is one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.domain.lineage import Written
from shared.domain.run import Problem
from shared.domain.status import Status
from shared.domain.usage import Nodes
from shared.jobs.notifications import Occasion

Cause = Literal["none", "script", "timeout", "configuration", "infrastructure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """The training request was accepted."""

    id: str
    at: datetime
    kind: Literal["requested"] = "requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReady:
    id: str
    at: datetime
    image: str
    kind: Literal["image_ready"] = "image_ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePending:
    """The image is still being built; `look` is how often we have looked."""

    id: str
    at: datetime
    look: int
    kind: Literal["image_pending"] = "image_pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFailed:
    id: str
    at: datetime
    problem: Problem
    kind: Literal["image_failed"] = "image_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptMoved:
    """The watch saw the attempt prepare or run; or wait for another node, as it lost its own.

    requeues: how often it did, when it waits.
    """

    id: str
    at: datetime
    attempt: int
    status: Literal[Status.PROVISIONING, Status.PREPARING, Status.RUNNING]
    requeues: int = 0
    kind: Literal["attempt_moved"] = "attempt_moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptPending:
    """The attempt was said to be over, and isn't yet; `look` is how often we have looked."""

    id: str
    at: datetime
    attempt: int
    look: int
    kind: Literal["attempt_pending"] = "attempt_pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnded:
    """The attempt is over. `cause` is "none" on success, else who is to blame, with `problem`.

    exit_code: the script's, when it ended by itself or by a signal.  requeues: how often the
    service began the attempt anew, as it had lost its node.
    prepared_at, started_at: when the node began to unpack, and the script to run; None if never.
    """

    id: str
    at: datetime
    attempt: int
    cause: Cause
    problem: Problem | None = None
    prepared_at: datetime | None = None
    started_at: datetime | None = None
    exit_code: int | None = None
    requeues: int = 0
    kind: Literal["attempt_ended"] = "attempt_ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenDown:
    """Batch has accepted the deletion of the attempt's job and pool, or had neither.

    prepared_at, started_at, requeues: as in AttemptEnded, of one that did not come to its end.
    nodes: which they were, for the run's account.
    """

    id: str
    at: datetime
    attempt: int
    prepared_at: datetime | None = None
    started_at: datetime | None = None
    requeues: int = 0
    nodes: Nodes | None = None
    kind: Literal["taken_down"] = "taken_down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """What the attempt read and left was looked at, and registered; `problem` when it could not.

    changed: the inputs that have other content by now.
    """

    id: str
    at: datetime
    attempt: int
    changed: tuple[str, ...] = ()
    writes: tuple[Written, ...] = ()
    problem: Problem | None = None
    kind: Literal["concluded"] = "concluded"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryDue:
    id: str
    at: datetime
    attempt: int
    kind: Literal["retry_due"] = "retry_due"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesGranted:
    """The attempt, which had to wait, may start."""

    id: str
    at: datetime
    attempt: int
    kind: Literal["nodes_granted"] = "nodes_granted"


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsked:
    """`note` says who asked, when it was nobody who meant this run alone."""

    id: str
    at: datetime
    note: str = ""
    kind: Literal["cancel_asked"] = "cancel_asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Nudged:
    """The watch heard nothing for long: what was asked last is asked once more."""

    id: str
    at: datetime
    kind: Literal["nudged"] = "nudged"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyDue:
    """A webhook could not be told of an occasion and is to be tried once more."""

    id: str
    at: datetime
    webhook: int
    occasion: Occasion
    tries: int
    kind: Literal["notify_due"] = "notify_due"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesWait:
    """Files of a schedule may have waited long enough for others; no run's event."""

    id: str
    at: datetime
    schedule: str
    kind: Literal["files_wait"] = "files_wait"


Event = (
    Requested
    | ImageReady
    | ImagePending
    | ImageFailed
    | AttemptMoved
    | AttemptPending
    | AttemptEnded
    | TakenDown
    | Concluded
    | RetryDue
    | NodesGranted
    | CancelAsked
    | Nudged
    | NotifyDue
)
#: All that travels on `run-events`.
Told = Event | FilesWait
