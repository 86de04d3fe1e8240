"""Tracking: what MLflow's client, unmodified, logs from a run's script and asks afterwards.

Logging goes on after a run's end: MLflow permits it, and the last batch of a script may overtake
nothing. What is there when the run ends is what is compared with other runs.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shared.app.books import Books
from shared.app.experiments import experiment_id
from shared.app.tracking_lines import fact_line
from shared.app.tracking_tokens import Bearer
from shared.domain import tracking_limits as limits
from shared.domain.errors import NotFound, Permanent
from shared.domain.run import Run
from shared.domain.tracked import Facts, Logged, Point, Standing, Tracked, child_of, parse_child
from shared.ports.runs import Runs

log = logging.getLogger("retrain.tracking")

_PARENT: Final = "mlflow.parentRunId"
_NAME: Final = "mlflow.runName"
ENDS: Final = ("FINISHED", "FAILED", "KILLED")
STATUSES: Final = ("RUNNING", "SCHEDULED", *ENDS)


class NotSupported(Permanent):
    """A part of MLflow that Retrain has not."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(f"Retrain can't do this: {what}.", remedy=remedy, code="NOT_IMPLEMENTED")


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """A run as MLflow knows it. run: the job's, whose child it may be."""

    tracked: Tracked
    run: Run
    facts: Facts
    metrics: Mapping[str, Standing]


@dataclass(frozen=True, slots=True)
class Tracking:
    runs: Runs
    books: Books
    now: Callable[[], datetime]

    def get(self, bearer: Bearer, run_id: str) -> TrackedRun:
        """Raises NotFound, Forbidden."""
        tracked = self.resolve(bearer, run_id)
        run = self.runs.load(tracked.run).run
        facts = self.books.facts(tracked)
        if tracked.child and not facts.status:
            raise _no_run(run_id)
        return TrackedRun(tracked, run, facts, self.books.standings(tracked))

    def resolve(self, bearer: Bearer, run_id: str) -> Tracked:
        """Whose ledgers are meant. Raises NotFound, Forbidden."""
        tracked = parse_child(run_id)
        if tracked is None and bearer.tracked is not None:
            if bearer.tracked.run == run_id:
                return bearer.tracked  # the attempt that asks, though another may follow
            tracked = Tracked(run_id, 0)
        if tracked is not None:
            bearer.check(tracked)
            return tracked
        run = self.runs.load(run_id).run
        return Tracked(run.name, max(run.attempt, 1))

    def log(
        self,
        bearer: Bearer,
        run_id: str,
        *,
        metrics: Logged = (),
        params: Sequence[tuple[str, str]] = (),
        tags: Sequence[tuple[str, str]] = (),
    ) -> None:
        """One write each for metrics and tags; params are read first, since they never change.

        Nothing is written when anything of it is wrong. Raises Invalid, NotFound, Forbidden.
        """
        limits.check_batch(metrics, params, tags)
        limits.check_metrics(metrics)
        new_params, new_tags = limits.check_params(params), limits.check_tags(tags)
        tracked = self.resolve(bearer, run_id)
        if new_params:
            self.books.add_params(tracked, new_params)
        if metrics:
            self.books.add_metrics(tracked, metrics)
        if new_tags:
            self.books.add_tags(tracked, new_tags)

    def history(self, bearer: Bearer, run_id: str, key: str) -> Sequence[Point]:
        """All points of one metric by step. Raises NotFound, Forbidden."""
        return self.books.history(self.resolve(bearer, run_id), key)

    def delete_tag(self, bearer: Bearer, run_id: str, key: str) -> None:
        """Raises NotFound when there is no such tag."""
        tracked = self.resolve(bearer, run_id)
        if key not in self.books.facts(tracked).tags:
            raise NotFound("tag", key, f"`mlflow.get_run('{run_id}').data.tags` has what is there.")
        self.books.add_tags(tracked, {key: None})

    def describe(
        self, bearer: Bearer, run_id: str, kind: str, described: Sequence[Mapping[str, Any]]
    ) -> None:
        """Data sets (inputs) and models (models, models_read) that the script tells of."""
        tracked = self.resolve(bearer, run_id)
        for one in described:
            try:
                line = fact_line({kind: [one]})
            except ValueError:
                raise limits.wrong("A description is larger than 64 KiB.") from None
            self.books.add_facts(tracked, line)

    def create(
        self,
        bearer: Bearer,
        *,
        experiment: str,
        begun: int | None,
        name: str,
        tags: Sequence[tuple[str, str]],
    ) -> TrackedRun:
        """A child run: of the run that its tag names, else of the one whose script asks.

        Two that look alike may be two, so a request that is sent again makes another one.
        """
        checked = limits.check_tags(tags)
        parent = checked.get(_PARENT) or (bearer.tracked.run if bearer.tracked else "")
        if not parent:
            raise NotSupported(
                "a run begins with a job, not with MLflow",
                "Submit a job, or begin a child run: start_run(parent_run_id=…, nested=True).",
            )
        own = self.resolve(bearer, parent).own
        run = self.runs.load(own.run).run
        if experiment not in ("", experiment_id(run.job.experiment_name)):
            raise limits.wrong(
                f"A child run of '{own.run}' is in its experiment, "
                f"'{run.job.experiment_name}', and in no other."
            )
        now = self.now()
        begun = begun if begun is not None else int(now.timestamp() * 1000)
        name = name or checked.get(_NAME, "")
        line = fact_line({"begun": begun, "name": name, "status": "RUNNING"})
        identity, number = (str(own.attempt), now.isoformat(), str(begun), name), 0
        child = child_of(own, *identity)
        while not self.books.begin(child, line):
            number += 1
            child = child_of(own, *identity, str(number))
        self.books.add_tags(child, {**checked, _PARENT: parent})
        log.info("run %s: its script began %s", own.run, child.id, extra={"run": own.run})
        return self.get(bearer, child.id)

    def update(
        self, bearer: Bearer, run_id: str, *, status: str, ended: int | None, name: str
    ) -> TrackedRun:
        """A child's status, end and name; of the job's own run its name: the rest is Retrain's."""
        if status and status not in STATUSES:
            raise limits.wrong(f"Invalid status: '{status}'; there are {', '.join(STATUSES)}.")
        tracked = self.resolve(bearer, run_id)
        said: dict[str, Any] = {"name": name} if name else {}
        if tracked.child and status:
            said["status"] = status
            if status in ENDS:
                said["ended"] = ended or int(self.now().timestamp() * 1000)
        if said:
            if len(name) > limits.NAME:
                raise limits.wrong(f"The run's name has more than {limits.NAME} characters.")
            self.books.add_facts(tracked, fact_line(said))
        return self.get(bearer, run_id)


def _no_run(run_id: str) -> NotFound:
    return NotFound("run", run_id, "`retrain job list` shows those there are.")
