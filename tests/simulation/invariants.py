"""What must hold in every world: each time a record is written, after each tick, and at the end."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Final

from shared import wire
from shared.app.lineage import made_by
from shared.domain.keys import split_attempt_key
from shared.domain.run import Moment, Run
from shared.domain.status import Status
from shared.ports.files import OUTPUTS
from tests.simulation.deploys import newer_reads
from tests.simulation.trace import Trace
from tests.simulation.twins.world import Twins

#: Seconds from a run's end, or from the moment that an instance which was late made it, in which a
#: job and a pool are gone. Ticks of the watch that something befell aren't counted.
GONE: Final = 400.0
#: Calls of ports for a message, and for a tick of the watch beside those for each live run and for
#: each job and pool that there is.
CALLS_A_MESSAGE: Final = 40
CALLS_A_TICK: Final = 30
CALLS_A_THING: Final = 4
#: Messages that a run may cost, for each of its attempts and for each mishap of its own.
MESSAGES_AN_ATTEMPT: Final = 40

S = Status
#: The table once more, so that a fault in the product's own is seen.
TABLE: Final = {
    S.NOT_STARTED: {S.QUEUED, S.CANCELED},
    S.QUEUED: {S.PREPARING, S.PROVISIONING, S.CANCELED},
    S.PREPARING: {
        S.QUEUED, S.PROVISIONING, S.RUNNING, S.FINALIZING, S.CANCEL_REQUESTED, S.CANCELED, S.FAILED,
    },
    S.PROVISIONING: {S.PREPARING, S.RUNNING, S.FINALIZING, S.CANCEL_REQUESTED},
    S.RUNNING: {S.PROVISIONING, S.FINALIZING, S.CANCEL_REQUESTED},
    S.FINALIZING: {S.COMPLETED, S.FAILED, S.CANCELED, S.QUEUED},
    S.CANCEL_REQUESTED: {S.CANCELED},
    S.COMPLETED: set(),
    S.FAILED: set(),
    S.CANCELED: set(),
}  # fmt: skip


@dataclass
class Invariants:
    """accepted: runs that somebody was promised.  canceled: those whose cancellation was handled.
    lost: seconds of the watch that mishaps took."""

    twins: Twins
    trace: Trace
    accepted: set[str] = field(default_factory=set)
    canceled: set[str] = field(default_factory=set)
    messages: Counter[str] = field(default_factory=Counter)
    mishaps: Counter[str] = field(default_factory=Counter)
    lost: float = 0.0
    _known: dict[str, Run] = field(default_factory=dict)
    _ended: dict[str, tuple[datetime, float]] = field(default_factory=dict)
    _closing: dict[str, datetime] = field(default_factory=dict)
    _seen: dict[str, float] = field(default_factory=dict)

    # Each time a record is written.

    def status(self, name: str) -> Status | None:
        """As it was written last."""
        return self._known[name].status if name in self._known else None

    def written(self, run: Run) -> None:
        before = self._known.get(run.name)
        self._known[run.name] = run
        if before is None or before.status is not run.status:
            was = f"{before.status} -> " if before else ""
            self.trace.note(f"{run.name}: {was}{run.status}, attempt {run.attempt}")
        _reads_well(run)
        if before is not None:
            self._follows(before, run)
        if run.status in (S.FINALIZING, S.CANCEL_REQUESTED):
            self._closing.setdefault(run.key, self.twins.clock.now)
        if run.final:
            self._ended[run.name] = (self.twins.clock.now, self.lost)
            self._ends_rightly(run)

    def _follows(self, before: Run, now: Run) -> None:
        name = now.name
        assert not before.final, f"written after its end: {name} was {before.status}"
        assert now.attempt - before.attempt in (0, 1), f"attempts jump: {name}"
        assert now.heard_at >= before.heard_at, f"time runs backwards: {name}"
        if now.attempt > before.attempt:
            assert name not in self.canceled, f"an attempt after it was canceled: {name}"
            assert now.attempt <= now.max_attempts, f"one attempt too many: {name}"

    def _ends_rightly(self, run: Run) -> None:
        """Its compute is going, and it is completed only if its script was."""
        for number in range(1, run.attempt + 1):
            attempt = self.twins.compute.made.get(f"{run.name}-{number}")
            if attempt is None or attempt.deleted_at is not None:
                continue
            # One that is made by an instance that was held up, after all, is the watch's to find.
            closing = self._closing.get(f"{run.name}-{number}")
            late = closing is not None and attempt.made_at > closing
            assert late, f"ended with its compute still there: {run.name}-{number}"
        if run.status is S.FAILED:
            assert run.problem is not None, f"failed without a reason: {run.name}"
        if run.status is S.COMPLETED:
            assert run.problem is None, f"completed with a problem: {run.name}"
            tries = self.twins.compute.history.get(run.key, [])
            well = [one for one in tries if one.cause == "none" and one.tasked]
            now = self.twins.clock.now
            assert any(one.over_at <= now for one in well), f"completed in vain: {run.key}"

    # After each step.

    def stepped(self, run: str, calls: int, struck: int) -> None:
        """A message was dealt with. run: its session, or empty."""
        assert calls <= CALLS_A_MESSAGE, f"a step of {calls} calls: {run}"
        self.messages[run] += 1
        self.mishaps[run] += struck
        if run in self._known:
            tries = self._known[run].attempt + 1 + self.mishaps[run]
            count, most = self.messages[run], MESSAGES_AN_ATTEMPT * tries
            assert count <= most, f"{count} messages: {run}"

    def ticked(self, calls: int, seconds: float, *, struck: bool) -> None:
        """Nothing is left that should be gone, and it cost no more than it may."""
        if struck:
            self.lost += seconds
        twins = self.twins
        live = sum(not run.final for run in self._known.values())
        things = live + len(twins.compute.made) + len(twins.compute.leaked)
        most = CALLS_A_TICK + CALLS_A_THING * things
        assert calls <= most, f"a tick of {calls} calls over {things} things"
        for seen in twins.compute.attempts():
            if not seen.deleting:
                self._is_young(f"job {seen.key}", seen.key, seen.created_at)
        for pool in twins.compute.pools():
            if pool.key and not pool.deleting:
                self._is_young(f"pool {pool.key}", pool.key, pool.created_at)

    def _is_young(self, what: str, key: str, created_at: datetime) -> None:
        name, number = split_attempt_key(key) or ("", 0)
        run = self._known[name]
        superseded = run.attempt > number or run.final
        if not superseded:
            self._seen.pop(what, None)
            return
        since = self._seen.setdefault(what, self.lost)
        ended_at, lost = self._ended.get(name, (run.heard_at, since))
        age = (self.twins.clock.now - max(ended_at, created_at)).total_seconds()
        over = age - (self.lost - min(lost, since))
        assert over <= GONE, f"compute outlives its run: {what}, {over:.0f} s"

    # At the end.

    def at_the_end(self, begun: int, *, given_up: bool) -> None:
        """Every promise is kept, and nothing is left over.

        begun: mishaps that befell who was to begin a build.  given_up: messages may have been, in
        an outage or a deploy, and kept.
        """
        twins, runs = self.twins, self._known
        dead = twins.bus.dead
        kept = {
            wire.decode_request(newer_reads(message.body)).run
            for message in dead
            if not message.session
        }
        lost = self.accepted - runs.keys() - kept
        assert not lost, f"lost: {lost}"
        assert given_up or not dead, f"dead letters: {[message.id for message in dead]}"
        open_ = [f"{name} {run.status}" for name, run in runs.items() if not run.final]
        assert not open_, f"never ended: {open_}"
        self._no_compute_is_left()
        waiting = [message.id for message in twins.bus.messages]
        assert not waiting, f"messages that nobody handles: {waiting}"
        builds = twins.images.builds
        assert builds <= 1 + begun, f"one image was built {builds} times, with {begun} mishaps"
        self._models_are_those_of_completed_runs()
        for run in runs.values():
            self._told(run)

    def _no_compute_is_left(self) -> None:
        compute = self.twins.compute
        assert not compute.attempts(), f"Batch jobs are left: {[*compute.made]}"
        pools = compute.pools()
        left = [pool.id for pool in pools if not pool.compute]
        assert not left, f"Batch pools are left: {left}"
        computes = {kept.compute.key for kept in self.twins.product().computes.kept()}
        held = {pool.compute for pool in pools if pool.compute}
        assert held == computes, f"pools of {held} for computes {computes}"

    def _models_are_those_of_completed_runs(self) -> None:
        """Each of which made exactly one version, from its last attempt, and says which."""
        assets = self.twins.product().assets
        versions = [assets.get("models", "model", v) for v in assets.versions("models", "model")]
        made = sorted((str(made_by(one)), one.version) for one in versions)
        told = sorted(
            (name, written.asset.version)
            for name, run in self._known.items()
            if run.status is S.COMPLETED
            for written in run.writes
            if written.asset
        )
        assert made == told, f"registered and on the records: {made}, {told}"
        for one in versions:
            run = self._known[str(made_by(one))]
            path = f"{run.name}/{run.attempt}/"
            assert path in one.document["path"], f"committed from another attempt: {run.name}"
            content = self.twins.files.read(OUTPUTS, f"{path}outputs/model/weights")
            assert content.startswith(run.key.encode()), f"committed what isn't its own: {run.name}"
        used = {name for name, run in self._known.items() if run.reads}
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
            assert len(set(bodies)) == 1, f"told {len(bodies)} things: {run.name} {run.status}"


def _reads_well(run: Run) -> None:
    assert run.timeline[-1].status is run.status, f"its timeline says something else: {run.name}"
    for earlier, later in pairwise(run.timeline):
        assert later.status in TABLE[earlier.status], _strange(run, earlier, later)
        assert later.at >= earlier.at, f"time runs backwards: {run.name}"


def _strange(run: Run, earlier: Moment, later: Moment) -> str:
    return f"not along the table: {earlier.status} then {later.status}, {run.name}"
