"""What ledgers add up to. Remembered by how far they were read: asking again reads what is new.

A ledger is only ever added to, so this holds however many instances write.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from shared.app.tracking_lines import fact_lines, metric_lines, read_facts, read_metrics
from shared.domain.tracked import Facts, Logged, Point, Standing, Tracked, first
from shared.domain.tracking_limits import check_unchanged
from shared.ports.ledger import START, Ledger, Position

#: Tracked runs that a process remembers, the last asked for.
REMEMBERED: Final = 256
_METRICS, _FACTS, _CHILDREN = "metrics", "facts", "children"


@dataclass(slots=True)
class _Book:
    facts: Facts = field(default_factory=Facts)
    facts_end: Position = START
    standings: dict[str, Standing] = field(default_factory=dict)
    metrics_end: Position = START
    lock: Lock = field(default_factory=Lock)


@dataclass(slots=True)
class Books:
    ledger: Ledger
    _open: OrderedDict[Tracked, _Book] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def facts(self, tracked: Tracked) -> Facts:
        """One read. What is returned may be added to while it is looked at, by other threads."""
        return self._read_facts(tracked)[0]

    def standings(self, tracked: Tracked) -> Mapping[str, Standing]:
        """Where each metric stands, by its name. One read, or one more for each segment."""
        book = self._book(tracked)
        with book.lock:
            path = f"{tracked.folder}/{_METRICS}"
            text, book.metrics_end = self.ledger.read(path, book.metrics_end)
            for key, point in read_metrics(text):
                if key in book.standings:
                    book.standings[key].take(point)
                else:
                    book.standings[key] = first(point)
            return dict(book.standings)

    def history(self, tracked: Tracked, key: str) -> Sequence[Point]:
        """All points of one metric, in their order; one that was sent twice is one."""
        text, _ = self.ledger.read(f"{tracked.folder}/{_METRICS}")
        points = {_identity(point): point for name, point in read_metrics(text) if name == key}
        return [points[identity] for identity in sorted(points)]

    def children(self, tracked: Tracked) -> Sequence[Tracked]:
        """The child runs of an attempt, in the order of their ids. One list."""
        prefix = f"{tracked.own.folder}/{_CHILDREN}/"
        names = {path.removeprefix(prefix).split("/")[0] for path in self.ledger.list(prefix)}
        return [Tracked(tracked.run, tracked.attempt, name) for name in sorted(names)]

    def add_metrics(self, tracked: Tracked, metrics: Logged) -> None:
        for line in metric_lines(metrics):
            self.ledger.append(f"{tracked.folder}/{_METRICS}", line)

    def add_tags(self, tracked: Tracked, tags: Mapping[str, str | None]) -> None:
        """None takes the tag away."""
        for line in fact_lines("tags", tags):
            self.add_facts(tracked, line)

    def add_facts(self, tracked: Tracked, line: bytes) -> None:
        self.ledger.append(f"{tracked.folder}/{_FACTS}", line)

    def begin(self, tracked: Tracked, line: bytes) -> bool:
        """The first line of a tracked run; False when there is one."""
        return self.ledger.append_at(f"{tracked.folder}/{_FACTS}", line, START)

    def add_params(self, tracked: Tracked, params: Mapping[str, str]) -> None:
        """Raises Invalid when one is there with another value, whoever else writes meanwhile."""
        while True:
            facts, end = self._read_facts(tracked)
            new = check_unchanged(facts.params, params)
            line = next(iter(fact_lines("params", new)), None)
            if line is None:
                return
            self.ledger.append_at(f"{tracked.folder}/{_FACTS}", line, end)

    def _read_facts(self, tracked: Tracked) -> tuple[Facts, Position]:
        book = self._book(tracked)
        with book.lock:
            path = f"{tracked.folder}/{_FACTS}"
            text, book.facts_end = self.ledger.read(path, book.facts_end)
            for line in read_facts(text):
                book.facts.take(line)
            return book.facts, book.facts_end

    def _book(self, tracked: Tracked) -> _Book:
        with self._lock:
            book = self._open.pop(tracked, None) or _Book()
            self._open[tracked] = book
            if len(self._open) > REMEMBERED:
                self._open.popitem(last=False)
            return book


def _identity(point: Point) -> tuple[int, int, str, float]:
    """NaN is not equal to itself, so its text stands first."""
    nan = point.value != point.value
    return point.step, point.timestamp, "nan" if nan else "", 0.0 if nan else point.value
