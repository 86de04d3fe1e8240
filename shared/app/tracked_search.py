"""Searching runs and experiments as MLflow's client does. Reads; and the more, the more runs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.app.books import Books
from shared.app.experiments import Experiment, Experiments, experiment_id
from shared.app.tracking import TrackedRun, Tracking
from shared.app.tracking_tokens import Bearer
from shared.domain.tracked import Tracked
from shared.domain.tracking_filter import Fields, in_order, parse_filter, parse_order
from shared.domain.tracking_limits import wrong
from shared.ports.runs import Runs

#: Runs that one search looks at, the newest: each costs some reads.
LOOKED_AT: Final = 5_000


@dataclass(frozen=True, slots=True)
class RunPage:
    """`next` is "" at the end."""

    runs: Sequence[TrackedRun]
    next: str


@dataclass(frozen=True, slots=True)
class ExperimentPage:
    experiments: Sequence[Experiment]
    next: str


@dataclass(frozen=True, slots=True)
class TrackedSearch:
    """fields: what of a run filters and orders see, by kind and name."""

    runs: Runs
    books: Books
    tracking: Tracking
    known: Experiments
    fields: Callable[[TrackedRun], Fields]

    def page(
        self,
        bearer: Bearer,
        *,
        experiments: Sequence[str],
        wanted: str,
        order: Sequence[str],
        limit: int,
        after: str,
        deleted: bool,
    ) -> RunPage:
        """Newest first unless ordered otherwise; a script sees its own run and its children.

        Without an order the search ends with the page. Raises Invalid.
        """
        conditions, orders = parse_filter(wanted), parse_order(order)
        found: list[tuple[Fields, TrackedRun]] = []
        skip = _offset(after)
        for seen in () if deleted else self._candidates(bearer, set(experiments)):
            fields = self.fields(seen)
            if all(condition.holds(fields) for condition in conditions):
                found.append((fields, seen))
            if not orders and len(found) > skip + limit:
                break
        rows = in_order(found, orders)
        more = len(rows) > skip + limit
        return RunPage(rows[skip : skip + limit], str(skip + limit) if more else "")

    def experiments(
        self, *, wanted: str, order: Sequence[str], limit: int, after: str, deleted: bool
    ) -> ExperimentPage:
        """Raises Invalid."""
        conditions, orders = parse_filter(wanted), parse_order(order)
        rows = [
            (fields, one)
            for one in ([] if deleted else self.known.every())
            for fields in [_experiment_fields(one)]
            if all(condition.holds(fields) for condition in conditions)
        ]
        skip = _offset(after)
        found = in_order(rows, orders)
        more = len(found) > skip + limit
        return ExperimentPage(found[skip : skip + limit], str(skip + limit) if more else "")

    def _candidates(self, bearer: Bearer, experiments: set[str]) -> Iterator[TrackedRun]:
        for own in self._own(bearer, experiments):
            yield self.tracking.get(bearer, own.id)
            for child in self.books.children(own):
                yield self.tracking.get(bearer, child.id)

    def _own(self, bearer: Bearer, experiments: set[str]) -> Iterator[Tracked]:
        if bearer.tracked is not None:
            mine = self.runs.load(bearer.tracked.run).run
            if experiment_id(mine.job.experiment_name) in experiments:
                yield bearer.tracked
            return
        newest = sorted(self.runs.list(), key=lambda run: run.name, reverse=True)
        chosen = [run for run in newest if experiment_id(run.experiment_name) in experiments]
        for run in chosen[:LOOKED_AT]:
            yield Tracked(run.name, max(run.attempt, 1))


def _offset(token: str) -> int:
    if token and not token.isdecimal():
        raise wrong("This page_token was not given by Retrain.")
    return int(token or 0)


def _experiment_fields(one: Experiment) -> dict[str, dict[str, Any]]:
    def millis(at: Any) -> float | None:
        return at.timestamp() * 1000 if at else None

    # `name` is an alias of run_name in the language of filters.
    attributes = {
        "run_name": one.name,
        "creation_time": millis(one.created),
        "last_update_time": millis(one.changed),
    }
    return {"attributes": attributes, "tags": {}, "metrics": {}, "params": {}}
