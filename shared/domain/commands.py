"""What a run asks of the world. Each is idempotent: its ids come from the attempt's key."""

from dataclasses import dataclass
from typing import Literal

from shared.jobs.notifications import Occasion


@dataclass(frozen=True, slots=True)
class BuildImage:
    """Make sure that the environment's image exists; `look` counts how often it was asked for."""

    look: int = 0
    kind: Literal["build_image"] = "build_image"


@dataclass(frozen=True, slots=True)
class Provision:
    """Create the attempt's Batch job with its pool, and its task."""

    attempt: int
    kind: Literal["provision"] = "provision"


@dataclass(frozen=True, slots=True)
class AwaitNodes:
    """Ask once more whether the attempt may start, after it was told to wait."""

    attempt: int
    kind: Literal["await_nodes"] = "await_nodes"


@dataclass(frozen=True, slots=True)
class Look:
    """See whether the attempt has ended; `look` counts how often it was asked for."""

    attempt: int
    look: int = 1
    kind: Literal["look"] = "look"


@dataclass(frozen=True, slots=True)
class TakeDown:
    """Delete the attempt's Batch job, and its pool with it."""

    attempt: int
    keep_logs: bool = False  # True when Batch won't upload them: the task is being killed
    kind: Literal["take_down"] = "take_down"


@dataclass(frozen=True, slots=True)
class Conclude:
    """Look at what the attempt read and left, and register the outputs that have a name."""

    attempt: int
    kind: Literal["conclude"] = "conclude"


@dataclass(frozen=True, slots=True)
class Wait:
    """Come back for the attempt after so many seconds."""

    attempt: int
    seconds: int
    kind: Literal["wait"] = "wait"


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell one of the job's `notifications` of an occasion; `tries` counts those before this."""

    webhook: int
    occasion: Occasion
    tries: int = 0
    kind: Literal["notify"] = "notify"


Command = BuildImage | Provision | AwaitNodes | Look | TakeDown | Conclude | Wait | Notify
