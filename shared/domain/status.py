"""The life of a run, in one table."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """Azure ML's names, no others."""

    NOT_STARTED = "NotStarted"
    QUEUED = "Queued"
    PROVISIONING = "Provisioning"
    PREPARING = "Preparing"
    RUNNING = "Running"
    FINALIZING = "Finalizing"
    CANCEL_REQUESTED = "CancelRequested"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELED = "Canceled"

    @property
    def final(self) -> bool:
        return not NEXT[self]


#: Who may follow whom; a status nobody follows is final. `Preparing` comes twice in a run's life:
#: before Provisioning while its image is built (no node is paid for that), and after it while the
#: node unpacks the code. The way back to `Queued` is a new attempt, or the wait for a node once the
#: image is there; that to `Provisioning` is the same attempt, whose node was taken away: its job
#: and pool are there, and wait for another.
NEXT: Final[Mapping[Status, tuple[Status, ...]]] = {
    Status.NOT_STARTED: (Status.QUEUED, Status.CANCELED),
    Status.QUEUED: (Status.PREPARING, Status.PROVISIONING, Status.CANCELED),
    Status.PREPARING: (
        Status.QUEUED,
        Status.PROVISIONING,
        Status.RUNNING,
        Status.FINALIZING,
        Status.CANCEL_REQUESTED,
        Status.CANCELED,
        Status.FAILED,
    ),
    Status.PROVISIONING: (
        Status.PREPARING,
        Status.RUNNING,
        Status.FINALIZING,
        Status.CANCEL_REQUESTED,
    ),
    Status.RUNNING: (Status.PROVISIONING, Status.FINALIZING, Status.CANCEL_REQUESTED),
    Status.FINALIZING: (Status.COMPLETED, Status.FAILED, Status.CANCELED, Status.QUEUED),
    Status.CANCEL_REQUESTED: (Status.CANCELED,),
    Status.COMPLETED: (),
    Status.FAILED: (),
    Status.CANCELED: (),
}
