"""What the API answers about compute, as it stands there."""

from typing import NotRequired, TypedDict


class ComputeJob(TypedDict):
    id: str
    run: str | None
    state: str


class ComputePool(TypedDict):
    id: str
    run: str | None
    state: str
    nodes: int


class Held(TypedDict):
    """Nothing starts, since somebody drained compute."""

    by: str
    since: str


class Compute(TypedDict):
    """What compute exists right now, as read from Batch. held: None when runs may start."""

    jobs: list[ComputeJob]
    pools: list[ComputePool]
    held: NotRequired[Held | None]


class ComputeLimits(TypedDict):
    """None: no limit; what is used is counted only where there is one. The day is that of UTC."""

    max_nodes: int | None
    nodes: int | None
    max_node_hours_a_day: float | None
    node_hours_today: float | None
    waiting: int


class Drained(TypedDict):
    """What a drain found, and has ended or deleted: names of runs, ids of jobs and pools."""

    held: Held
    runs: list[str]
    jobs: list[str]
    pools: list[str]
