"""Metrics of runs, for people and for what compares runs: sweeps, promotion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.app.books import Books
from shared.domain.errors import NotFound
from shared.domain.tracked import Facts, Point, Standing, Tracked, parse_child
from shared.ports.runs import Runs


@dataclass(frozen=True, slots=True)
class Scores:
    """What a run, or a child run that its script began, has logged up to now."""

    tracked: Tracked
    facts: Facts
    metrics: Mapping[str, Standing]


@dataclass(frozen=True, slots=True)
class Metrics:
    runs: Runs
    books: Books

    def latest(self, name: str) -> Mapping[str, Standing]:
        """Each metric of the run's last attempt: its latest point, and its extremes.

        name: of a run, or the id of a child run. Raises NotFound when there is no such run.
        """
        return self.books.standings(self.tracked(name))

    def last(self, name: str, key: str) -> float | None:
        """The last value of one metric, None when nobody logged it. Raises NotFound."""
        standing = self.latest(name).get(key)
        return standing.last.value if standing else None

    def scores(self, name: str) -> Scores:
        """The metrics with params and tags. Raises NotFound."""
        tracked = self.tracked(name)
        return Scores(tracked, self.books.facts(tracked), self.books.standings(tracked))

    def children(self, name: str) -> Sequence[Scores]:
        """Of the nested runs that the run's script began, in the order they began. NotFound."""
        found = [
            Scores(child, self.books.facts(child), self.books.standings(child))
            for child in self.books.children(self.tracked(name))
        ]
        return sorted(found, key=lambda scores: (scores.facts.begun or 0, scores.tracked.id))

    def history(self, name: str, key: str) -> Sequence[Point]:
        """All points of one metric by step, none when nobody logged it. Raises NotFound."""
        return self.books.history(self.tracked(name), key)

    def tracked(self, name: str) -> Tracked:
        """Whose metrics are meant. Raises NotFound."""
        child = parse_child(name)
        if child is None:
            run = self.runs.load(name).run
            return Tracked(run.name, max(run.attempt, 1))
        if not self.books.facts(child).status:
            raise NotFound("run", name, "`retrain job metrics` lists a run's children.")
        return child
