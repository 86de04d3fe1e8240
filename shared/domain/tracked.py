"""What scripts log, by whom: a run's attempt, or a child run that its script began.

To MLflow both are runs. The job's own has the run's name for its id, whatever the attempt; a
child's id says where it belongs, so that nobody has to look it up.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.domain.keys import attempt_key, digest, split_attempt_key

_CHILD = re.compile(r"(.+)-c([0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class Tracked:
    """`child` is "" for the job's own."""

    run: str
    attempt: int
    child: str = ""

    @property
    def id(self) -> str:
        """MLflow's run_id."""
        return f"{attempt_key(self.run, self.attempt)}-c{self.child}" if self.child else self.run

    @property
    def folder(self) -> str:
        """Where its ledgers are, and below `<run>/<attempt>/` of the outputs its artifacts."""
        below = f"/children/{self.child}" if self.child else ""
        return f"{self.run}/{self.attempt}{below}"

    @property
    def own(self) -> "Tracked":
        """The job's own, whose script began this one."""
        return Tracked(self.run, self.attempt)


def child_of(tracked: Tracked, *parts: str) -> Tracked:
    """A child run of the attempt; the same parts are the same child."""
    return Tracked(tracked.run, tracked.attempt, digest(tracked.run, *parts)[:16])


def parse_child(run_id: str) -> Tracked | None:
    """The child of that id; None when it is no child's."""
    match = _CHILD.fullmatch(run_id)
    key = split_attempt_key(match[1]) if match else None
    return Tracked(*key, match[2]) if match and key else None


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """One logged value. Points are ordered as MLflow does to say which is the latest.

    step: any integer.  timestamp: milliseconds since 1970.  value: may be NaN or infinite.
    """

    step: int
    timestamp: int
    value: float


@dataclass(slots=True)
class Standing:
    """Where a metric stands: its latest point, and its extremes, which NaN never is."""

    last: Point
    min: Point | None = None
    max: Point | None = None

    def take(self, point: Point) -> None:
        if _rank(point) >= _rank(self.last):
            self.last = point
        if point.value != point.value:
            return
        if self.min is None or point.value < self.min.value:
            self.min = point
        if self.max is None or point.value > self.max.value:
            self.max = point


def _rank(point: Point) -> tuple[int, int, float]:
    """NaN compares with nothing, so it counts as 0 here; as it does in MLflow's own store."""
    return point.step, point.timestamp, point.value if point.value == point.value else 0.0


def first(point: Point) -> Standing:
    standing = Standing(point)
    standing.take(point)
    return standing


@dataclass(slots=True)
class Facts:
    """What was said of a tracked run besides its metrics.

    begun, ended: milliseconds since 1970, of a child run; the job's own has Retrain's times.
    inputs: data sets; models, models_read: what it logged and loaded; all as MLflow's client
    describes them, in its own form.
    """

    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    name: str = ""
    status: str = ""
    begun: int | None = None
    ended: int | None = None
    inputs: list[Mapping[str, Any]] = field(default_factory=list)
    models: list[Mapping[str, Any]] = field(default_factory=list)
    models_read: list[Mapping[str, Any]] = field(default_factory=list)

    def take(self, line: Mapping[str, Any]) -> None:
        """Take in one line of the ledger. Of a param the first value stands."""
        for key, value in line.get("params", {}).items():
            self.params.setdefault(key, value)
        for key, value in line.get("tags", {}).items():
            if value is None:
                self.tags.pop(key, None)
            else:
                self.tags[key] = value
        self.name = line.get("name", self.name)
        self.status = line.get("status", self.status)
        self.begun = line.get("begun", self.begun)
        self.ended = line.get("ended", self.ended)
        for name in ("inputs", "models", "models_read"):
            known = getattr(self, name)
            known += [one for one in line.get(name, ()) if one not in known]


Logged = Sequence[tuple[str, Point]]
