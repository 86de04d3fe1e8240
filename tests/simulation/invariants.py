"""What must hold in every world: cheap rules after each step, the whole at the end."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from shared import wire
from shared.app.lineage import made_by
from shared.domain.run import Run
from shared.domain.status import NEXT, Status
from tests.simulation.twins.world import Twins

#: Calls of ports that a run may cost, with all its attempts, retries and faults.
CALLS_PER_RUN: Final = 100


@dataclass
class Invariants:
    twins: Twins
    accepted: set[str]
    _known: dict[str, tuple[str, Run]] = field(default_factory=dict)

    def after_a_step(self) -> None:
        """Statuses follow the table, attempts grow, and what is final stays so."""
        for name, (etag, _) in self.twins.runs.records.items():
            before = self._known.get(name)
            if before is None or before[0] != etag:
                run = self.twins.runs.load(name).run
                if before is not None:
                    _follows(before[1], run)
                self._known[name] = (etag, run)

    def at_the_end(self, calls: int, mishaps: int, *, outage: bool) -> None:
        """Every promise is kept, and nothing is left over.

        calls: of ports, without the timers'.  mishaps: faults that befell who was to begin a build.
        outage: messages may have been given up, and kept.
        """
        runs = {name: self.twins.runs.load(name).run for name in self.twins.runs.records}
        dead = self.twins.bus.dead
        kept = {wire.decode_request(message.body).run for message in dead if not message.session}
        lost = self.accepted - runs.keys() - kept
        assert not lost, f"lost: {lost}"
        assert outage or not dead, f"dead letters: {[message.id for message in dead]}"
        open_ = [f"{name} {run.status}" for name, run in runs.items() if not run.final]
        assert not open_, f"never ended: {open_}"
        assert not self.twins.compute.attempts(), "Batch jobs are left"
        pools = self.twins.compute.pools()
        assert not [pool.id for pool in pools if not pool.compute], "Batch pools are left"
        computes = {kept.compute.key for kept in self.twins.product().computes.kept()}
        held = {pool.compute for pool in pools if pool.compute}
        assert held == computes, f"pools of {held} for computes {computes}"
        waiting = [message.id for message in self.twins.bus.messages]
        assert not waiting, f"messages that nobody handles: {waiting}"
        assert calls < CALLS_PER_RUN * (len(runs) + 1), f"{calls} calls for {len(runs)} runs"
        builds = self.twins.images.builds
        assert builds <= 1 + mishaps, f"one image was built {builds} times, with {mishaps} mishaps"
        self._models_are_those_of_completed_runs(runs)
        for run in runs.values():
            _reads_well(run)
            self._told(run)

    def _models_are_those_of_completed_runs(self, runs: dict[str, Run]) -> None:
        """Each of which made exactly one version, and says which."""
        assets = self.twins.product().assets
        versions = [assets.get("models", "model", v) for v in assets.versions("models", "model")]
        made = sorted((str(made_by(one)), one.version) for one in versions)
        told = sorted(
            (name, written.asset.version)
            for name, run in runs.items()
            if run.status is Status.COMPLETED
            for written in run.writes
            if written.asset
        )
        assert made == told, f"registered: {made}, on the records: {told}"
        used = {name for name, run in runs.items() if run.reads}
        entries = {entry.name for entry in self.twins.registry.entries("uses/data/base/1")}
        assert used <= entries, f"not in the index: {used - entries}"

    def _told(self, run: Run) -> None:
        """Every address was told of the run's end, and always the same.

        A message that was given up in an outage is kept, for somebody to send again.
        """
        if any(message.session == run.name for message in self.twins.bus.dead):
            return
        for number, _ in enumerate(run.job.notifications):
            bodies = self.twins.webhooks.told[f"{run.name}-{run.status.lower()}-{number}"]
            assert len(set(bodies)) == 1, f"{run.name} {run.status}: told {len(bodies)} things"


def _follows(before: Run, now: Run) -> None:
    assert not before.final, f"{before.name} was {before.status} and is {now.status}"
    assert now.attempt - before.attempt in (0, 1), f"{now.name}: attempts jump"
    assert now.heard_at >= before.heard_at
    _reads_well(now)


def _reads_well(run: Run) -> None:
    for earlier, later in pairwise(run.timeline):
        assert later.status in NEXT[earlier.status], f"{run.name}: {earlier} then {later}"
        assert later.at >= earlier.at
