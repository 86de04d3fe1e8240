"""The shapes that the API sends; the README's API section says what each field means."""

from typing import Any, Literal, NamedTuple, TypedDict

Document = dict[str, Any]
Status = Literal[
    "NotStarted",
    "Queued",
    "Provisioning",
    "Preparing",
    "Running",
    "Finalizing",
    "CancelRequested",
    "Completed",
    "Failed",
    "Canceled",
]
FINAL: frozenset[str] = frozenset({"Completed", "Failed", "Canceled"})


class Moment(TypedDict):
    """One entry of a run's timeline: from `at` (ISO 8601, UTC) the run had this status."""

    status: Status
    at: str
    note: str


class RunError(TypedDict):
    code: str
    message: str
    remedy: str


class Source(TypedDict):
    """Who asked for the run: `kind` is http, data or cron."""

    kind: str
    schedule: str | None
    path: str | None


class RunSummary(TypedDict):
    """What a list shows of a run. Times are ISO 8601 in UTC."""

    name: str
    status: Status
    display_name: str | None
    experiment_name: str | None
    created_at: str
    started_at: str | None
    ended_at: str | None
    attempt: int
    source: Source


class Run(RunSummary):
    description: str | None
    tags: dict[str, str]
    properties: dict[str, str]
    compute: str | None
    environment: str | None
    environment_key: str | None
    image: str | None
    timeline: list[Moment]
    error: RunError | None
    inputs: Document
    outputs: Document
    job: Document


class OutputFile(TypedDict):
    """A file that a run left: `path` is such as outputs/model.pkl, `size` in bytes."""

    path: str
    size: int
    modified: str


class ComputeJob(TypedDict):
    id: str
    run: str | None
    state: str


class ComputePool(TypedDict):
    id: str
    run: str | None
    state: str
    nodes: int


class Compute(TypedDict):
    """What compute exists right now, as read from Batch."""

    jobs: list[ComputeJob]
    pools: list[ComputePool]


class LogChunk(NamedTuple):
    """A piece of a log. next_offset: where the next one starts, in bytes.

    complete: the run is over, and nothing comes after next_offset.
    """

    data: bytes
    next_offset: int
    complete: bool
