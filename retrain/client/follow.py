"""A run as it happens: its changes of status and the text of its logs, in the order to show them.

There is no connection held open: short calls ask what is new, often while something comes and less
often while nothing does. So a stack that is killed and started again is only a pause.
"""

import codecs
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from retrain.client.errors import ApiError, Unreachable
from retrain.client.metric_records import MetricPoint, Scores
from retrain.client.records import FINAL, LogChunk, Moment, Run

LOGS = ("stderr.txt", "stdout.txt")  # a notice about the run's environment stands in the first
BUILD_LOG = "environment-build.log"  # of a run that waits for its environment to be built
BEFORE_LOGS = frozenset({"NotStarted", "Queued", "Provisioning", "Preparing", "Running"})
SHORTEST, LONGEST = 0.2, 1.0  # seconds between two looks
METRICS_EVERY = 2.0  # seconds: most runs log none, and looking costs a call
PATIENCE = 60.0  # seconds without an answer before giving up


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """The run has this status since `at` (ISO 8601, UTC); `note` may be empty."""

    status: str
    at: str
    note: str


@dataclass(frozen=True, slots=True)
class LogText:
    """New text of `file` (stdout.txt, stderr.txt or environment-build.log); not whole lines, but
    whole characters."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """The script begins anew, on another node, and its logs with it; `count` is how often by now.

    What was told of them before is of a node that was lost.
    """

    count: int
    message: str = "The node was lost; the script starts again from its beginning."


@dataclass(frozen=True, slots=True)
class NextAttempt:
    """What comes is of another attempt, with logs of its own. number: from 2 on.  of: at most."""

    number: int
    of: int | None

    @property
    def message(self) -> str:
        return f"Attempt {self.number}" + (f" of {self.of}." if self.of else ".")


@dataclass(frozen=True, slots=True)
class MetricsLogged:
    """The latest points of those metrics that were logged since the last such item, by name."""

    points: dict[str, MetricPoint]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nobody answers just now; it goes on by itself, or ends with Unreachable."""

    message: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The last item: the run as it stays."""

    run: Run


Item = StatusChanged | LogText | NextAttempt | Restarted | MetricsLogged | Waiting | Ended


class Api(Protocol):
    """What is needed of the client."""

    def get_job(self, name: str) -> Run: ...
    def logs(
        self, name: str, file: str = ..., offset: int = ..., attempt: int | None = ...
    ) -> LogChunk: ...
    def metrics(self, name: str) -> Scores: ...


@dataclass(slots=True)
class _Log:
    """One log of one attempt, read up to `offset` bytes."""

    file: str
    offset: int = 0
    complete: bool = False
    decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )


@dataclass(slots=True)
class _Follower:
    api: Api
    name: str
    clock: Callable[[], float]
    # What was shown, as (status, how manieth of its kind): the service moves and inserts entries
    # when it learns from the node when they really were.
    shown: set[tuple[str, int]] = field(default_factory=set)
    attempt: int = 0
    requeues: int = 0
    logs: list[_Log] = field(default_factory=list)
    build: _Log = field(default_factory=lambda: _Log(BUILD_LOG))
    points: dict[str, MetricPoint] = field(default_factory=dict)
    metrics_due: float = 0.0

    def look(self) -> Iterator[Item]:
        """Yield what is new since the last look; Ended when there will be nothing more."""
        run = self.api.get_job(self.name)
        yield from self._turn(run)
        new = self._unseen(run["timeline"])
        later = (i for i, (_, one) in enumerate(new) if one["status"] not in BEFORE_LOGS)
        split = next(later, len(new))
        yield from self._show(new[:split])
        over = run["status"] in FINAL
        # One that was canceled soon may have printed something, and nobody have seen it run.
        ran = ("Running", 1) in self.shown or (over and run["attempt"] > 0)
        if run.get("environment_key") and ("Preparing", 1) in self.shown:
            yield from self._read(self.build, over=True)
        if ran:
            yield from self._read_logs(over=over)
        if over and ran and not all(log.complete for log in self.logs):
            return  # the end is told after the last line
        if ran and (over or self.clock() >= self.metrics_due):
            yield from self._read_metrics()
        yield from self._show(new[split:])
        if over:
            yield Ended(run)

    def _turn(self, run: Run) -> Iterator[Item]:
        """To another attempt, or to the same one begun anew, when there is one."""
        if run["attempt"] != self.attempt:
            if self.attempt:  # to the last line of the one before
                yield from self._read_logs(over=True, attempt=self.attempt)
            self._begin(run)
            if self.attempt > 1:
                yield NextAttempt(self.attempt, run.get("max_attempts"))
        elif run.get("requeues", 0) > self.requeues:
            self._begin(run)
            yield Restarted(self.requeues)

    def _begin(self, run: Run) -> None:
        """Read the logs of what runs now from their beginning."""
        self.attempt, self.requeues = run["attempt"], run.get("requeues", 0)
        self.logs = [_Log(file) for file in LOGS]
        self.points = {}

    def _unseen(self, timeline: list[Moment]) -> list[tuple[tuple[str, int], Moment]]:
        """The entries that were not shown, each with what `shown` will hold of it."""
        counts: Counter[str] = Counter()
        new: list[tuple[tuple[str, int], Moment]] = []
        for moment in timeline:
            counts[moment["status"]] += 1
            which = (moment["status"], counts[moment["status"]])
            if which not in self.shown:
                new.append((which, moment))
        return new

    def _show(self, moments: list[tuple[tuple[str, int], Moment]]) -> Iterator[Item]:
        for which, moment in moments:
            self.shown.add(which)
            yield StatusChanged(moment["status"], moment["at"], moment["note"])

    def _read_logs(self, *, over: bool, attempt: int | None = None) -> Iterator[Item]:
        for log in self.logs:
            yield from self._read(log, over=over, attempt=attempt)

    def _read(self, log: _Log, *, over: bool, attempt: int | None = None) -> Iterator[Item]:
        while not log.complete:
            chunk = self._chunk(log, over=over, attempt=attempt)
            log.offset, log.complete = chunk.next_offset, chunk.complete
            if text := log.decoder.decode(chunk.data, final=chunk.complete):
                yield LogText(log.file, text)
            if not chunk.data:
                break

    def _read_metrics(self) -> Iterator[Item]:
        try:
            found = self.api.metrics(self.name)["metrics"]
        except ApiError as error:
            if error.status != 404:
                raise
            found = {}  # a Retrain that knows no metrics
        latest = {key: standing["last"] for key, standing in found.items()}
        new = {key: point for key, point in latest.items() if self.points.get(key) != point}
        self.points = latest
        self.metrics_due = self.clock() + METRICS_EVERY
        if new:
            yield MetricsLogged(new)

    def _chunk(self, log: _Log, *, over: bool, attempt: int | None) -> LogChunk:
        try:
            return self.api.logs(self.name, log.file, log.offset, attempt)
        except ApiError as error:
            if error.status != 404:
                raise
            return LogChunk(b"", log.offset, over)  # no such log, not yet or never


def follow(
    api: Api,
    name: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Item]:
    """Yield what happens to the run until Ended; raises what `api` raises.

    An API that does not answer is waited for, for a minute (raises Unreachable then).
    """
    follower = _Follower(api, name, clock)
    pause = SHORTEST
    answered: float | None = None  # never so far: then nobody being there is an error at once
    while True:
        pause = min(pause * 1.3, LONGEST)
        try:
            for item in follower.look():
                pause = SHORTEST
                yield item
                if isinstance(item, Ended):
                    return
            answered = clock()
        except Unreachable as error:
            if answered is None or clock() - answered > PATIENCE:
                raise
            yield Waiting(f"{error.message} Trying again.")
            pause = LONGEST
        sleep(pause)
