"""What users ask about runs and compute; nothing here writes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from shared.app.observing import MARKER
from shared.domain.errors import NotFound
from shared.domain.run import Run
from shared.domain.status import Status
from shared.ports.compute import AttemptSeen, Compute, Inventory, PoolSeen
from shared.ports.files import OUTPUTS, File, Files, Links
from shared.ports.runs import Runs, Summary

#: How long the address of an output is good for.
READABLE: Final = timedelta(minutes=15)
#: A run that is being canceled is on compute, too, until that is gone.
_ASKED_OF: Final = (
    Status.PROVISIONING,
    Status.PREPARING,
    Status.RUNNING,
    Status.CANCEL_REQUESTED,
)


@dataclass(frozen=True, slots=True)
class Page:
    """`next` is the name to ask for the runs before, None at the end. total: how many there are
    from the first of these on."""

    runs: Sequence[Summary]
    next: str | None
    total: int


@dataclass(frozen=True, slots=True)
class Queries:
    runs: Runs
    compute: Compute
    inventory: Inventory
    files: Files
    links: Links

    def show(self, name: str) -> Run:
        """The run as it stands this moment: an active attempt is looked up in Batch. NotFound."""
        run = self.runs.load(name).run
        if run.status not in _ASKED_OF or not run.attempt:
            return run
        report = self.compute.report(run.key)
        if report is None:
            return run
        run = replace(run, requeues=max(run.requeues, report.requeues))
        live = run.with_node_times(report.prepared_at, report.started_at)
        return run if len(live.timeline) < len(run.timeline) else live

    def page(
        self,
        *,
        statuses: Sequence[Status],
        experiment: str | None,
        limit: int,
        before: str | None,
        schedule: str | None = None,
    ) -> Page:
        """Newest first."""
        wanted = [
            run
            for run in self.runs.list()
            if (not statuses or run.status in statuses)
            and (experiment is None or run.experiment_name == experiment)
            and (schedule is None or run.schedule == schedule)
            and (before is None or run.name < before)
        ]
        newest = sorted(wanted, key=lambda run: run.name, reverse=True)
        more = len(newest) > limit
        return Page(newest[:limit], newest[limit - 1].name if more else None, len(newest))

    def outputs(self, name: str, attempt: int | None = None) -> Sequence[File]:
        """What an attempt left (None: the last one), by path below it. Raises NotFound."""
        prefix = self._prefix(name, attempt)
        return [
            replace(file, path=file.path.removeprefix(prefix))
            for file in self.files.list(OUTPUTS, prefix)
            if file.path != prefix + MARKER  # ours, not the user's
        ]

    def output_link(self, name: str, path: str, attempt: int | None = None) -> str:
        """Where the output can be read for a quarter of an hour. Raises NotFound."""
        whole = self._prefix(name, attempt) + path
        if self.files.stat(OUTPUTS, whole) is None:
            raise NotFound("output", path, f"`retrain job show {name}` lists what there is.")
        return self.links.reading(OUTPUTS, whole, READABLE)

    def compute_now(self) -> tuple[Sequence[AttemptSeen], Sequence[PoolSeen]]:
        """Every Batch job and pool of a run that exists, whatever its state.

        The pools of named computes are not among them: they stay when runs have gone.
        """
        pools = [pool for pool in self.inventory.pools() if not pool.compute]
        return self.inventory.attempts(), pools

    def _prefix(self, name: str, attempt: int | None) -> str:
        return f"{name}/{chosen(self.runs.load(name).run, attempt)}/"


def chosen(run: Run, attempt: int | None) -> int:
    """The number of the attempt that is asked for; None is the last one. Raises NotFound."""
    if attempt is None:
        return run.attempt
    if not 0 < attempt <= run.attempt:
        had = f"The run has had {run.attempt}." if run.attempt else "The run has had none yet."
        raise NotFound("attempt", f"{run.name} {attempt}", had)
    return attempt
