"""The safety net: finds what no event told, with a number of calls that doesn't grow with runs.

Three lists (jobs, pools with node counts, records by day) are compared. What disagrees is told to
its run, or taken down when it belongs to no live one; named computes are held as their records say.
Safe when many instances do it at once: whatever it asks for is idempotent. While compute is held,
it keeps it empty.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.app.computes import Computes
from shared.app.draining import Draining
from shared.app.gate import Gate
from shared.app.observing import EXPIRED, JOB_ENDED, JOB_EXPIRED, NODE_LOST, Observer
from shared.app.orders import DEFAULT_TIMEOUT
from shared.app.shared_nodes import SharedNodes, SharedNodesWatch
from shared.domain.capacity import Capacity, Held
from shared.domain.errors import NotFound
from shared.domain.events import AttemptEnded, CancelAsked, Nudged, Requested
from shared.domain.keys import attempt_key, split_attempt_key
from shared.domain.run import Problem
from shared.domain.status import Status
from shared.ports.bus import Bus
from shared.ports.compute import AttemptSeen, Compute, Inventory, PoolSeen
from shared.ports.runs import Runs, Summary
from shared.ports.telemetry import SILENT, Telemetry

log = logging.getLogger("retrain.watch")

#: A run lives no longer than a week on compute. Names begin with the day, so ten days are one list,
#: and a week is in two of those, or in three about the end of a month.
DAYS: Final = 8
#: What is younger may still be on its way through a step.
GRACE: Final = timedelta(minutes=2)
#: After so long without news a run in Queued, or building its image, is asked to go on.
PATIENCE: Final = timedelta(minutes=10)
#: So long what comes before the script may take in a pool of its own: to get a node; and on it, to
#: unpack the code, to pull the image and to download the inputs.
NODE_DUE: Final = timedelta(hours=1)
#: So long after limits.timeout a script that Batch did not stop is stopped by us.
OVERRUN_GRACE: Final = timedelta(hours=1)
#: So many attempts that don't come to life are looked at one by one in a tick, others the next.
LOOKS: Final = 50

_LEAVING: Final = (Status.FINALIZING, Status.CANCEL_REQUESTED)
_ON_COMPUTE: Final = (Status.PROVISIONING, Status.PREPARING, Status.RUNNING)


@dataclass(frozen=True, slots=True)
class Scene:
    """What one tick saw. Compute is listed before the records: whatever has a job has a record.

    waiting: runs that wait for nodes, and are told when there are some.
    """

    now: datetime
    attempts: dict[str, AttemptSeen]
    pools: dict[str, PoolSeen]
    live: dict[str, Summary]
    nodes: SharedNodes
    waiting: frozenset[str]

    @property
    def tag(self) -> str:
        """Sets a tick's messages apart from lost ones; two instances in a minute send the same."""
        return f"-w{self.now:%Y%m%d%H%M}"

    @property
    def in_turn(self) -> Sequence[Summary]:
        """The live runs, begun elsewhere each minute, so that each is once among the first."""
        runs = list(self.live.values())
        start = int(self.now.timestamp()) // 60 * LOOKS % max(1, len(runs))
        return [*runs[start:], *runs[:start]]

    def quiet(self, run: Summary, span: timedelta) -> bool:
        return self.now - run.heard_at > span


@dataclass(frozen=True, slots=True)
class Watch:
    runs: Runs
    inventory: Inventory
    compute: Compute
    computes: Computes
    observer: Observer
    draining: Draining
    gate: Gate
    bus: Bus
    now: Callable[[], datetime]
    telemetry: Telemetry = SILENT

    @property
    def shared(self) -> SharedNodesWatch:
        """Its part for named computes."""
        return SharedNodesWatch(self.compute, self.computes, self.inventory, self.observer)

    def tick(self) -> None:
        """Compare, tell, clean up. Raises Transient: the next tick does it again."""
        scene, capacity = self._look()
        self.telemetry.seen(Counter(str(run.status) for run in scene.live.values()))
        if capacity.held:
            self._keep_empty(scene, capacity.held)
            return
        if capacity.resumed_at:
            self.draining.wake(capacity)
        most = {key: one.compute.max_instances for key, one in scene.nodes.computes.items()}
        self.gate.compare(capacity, scene.live, most, scene.tag)
        looks = LOOKS
        for run in scene.in_turn:
            self._cancel(scene, run)
            if run.status in _ON_COMPUTE and run.attempt:
                looks -= self._on_compute(scene, run, looks)
            else:
                self._in_between(scene, run)
        self._clean_up(scene)
        self.shared.hold(scene.nodes)

    def _keep_empty(self, scene: Scene, held: Held) -> None:
        for run in scene.live.values():
            if run.status in (Status.NOT_STARTED, *_LEAVING):
                self._in_between(scene, run)
        pools = [*scene.pools.values(), *scene.nodes.pools.values()]
        self.draining.sweep(held, scene.attempts.values(), pools, scene.live.values())

    def _look(self) -> tuple[Scene, Capacity]:
        attempts = {seen.key: seen for seen in self.inventory.attempts()}
        listed = self.inventory.pools()
        pools = {pool.key: pool for pool in listed if split_attempt_key(pool.key)}
        held = {pool.compute: pool for pool in listed if pool.compute}
        now = self.now()
        tens = sorted({_ten_days(now - timedelta(days=back)) for back in range(DAYS)})
        # A run that is tried again for long can be older; its job tells of it.
        older = {seen.run for seen in attempts.values() if seen.run and seen.run < tens[0]}
        live = {
            run.name: run
            for prefix in (*tens, *sorted(older))
            for run in self.runs.list(prefix)
            if not run.status.final
        }
        # Last of all: whatever has a pool has a record by then, and whatever has nodes an entry.
        computes, capacity = self.computes.kept_and_capacity()
        told = capacity.ledger.waiting if self.gate.limits else ()
        waiting = frozenset(key.rpartition("-")[0] for key in told)
        shared = self.shared.look(held, live, computes)
        return Scene(now, attempts, pools, live, shared, waiting), capacity

    def _on_compute(self, scene: Scene, run: Summary, looks: int) -> int:
        """Returns how many attempts it looked at one by one: 0 or 1."""
        seen = scene.attempts.get(attempt_key(run.name, run.attempt))
        if run.compute and run.compute not in scene.nodes.computes:
            self.shared.unplaced(run, scene.tag)
        elif seen is None or seen.deleting:
            if scene.quiet(run, GRACE):
                self.observer.lost(run.name, run.attempt, scene.tag)
        elif seen.ended:
            self._over(scene, run)
            return 1
        else:
            return self._under_way(scene, run, looks)
        return 0

    def _under_way(self, scene: Scene, run: Summary, looks: int) -> int:
        if _overran(scene, run):
            self.observer.overrun(run, scene.tag)
            return 1
        pool = scene.pools.get(attempt_key(run.name, run.attempt))
        if pool and self._told_by(pool, scene, run):
            return 0
        if looks <= 0 or not self._is_doubtful(pool, scene, run):
            return 0
        # On shared nodes a run may wait for others, as long as its job may be there.
        waits_long = run.compute and run.status is Status.PROVISIONING
        overdue = scene.quiet(run, NODE_DUE) and not waits_long
        waits = not run.compute or scene.nodes.are_replaced(run.compute)
        self.observer.look(run, scene.tag, overdue=overdue, waits=waits)
        return 1

    def _is_doubtful(self, pool: PoolSeen | None, scene: Scene, run: Summary) -> bool:
        """Whether the run may be in another state than its record says."""
        if run.compute and scene.nodes.disagree(run.compute):
            return True
        if run.status is Status.PREPARING and pool is not None and pool.idle >= run.nodes:
            return True  # its node has nothing to do: it could not unpack the code
        if run.status is not Status.RUNNING:
            return scene.quiet(run, GRACE) and _may_be_stuck(pool, scene, run)
        return (
            pool is not None
            and pool.running < run.nodes
            and (pool.preempted > 0 or scene.quiet(run, GRACE))
        )

    def _told_by(self, pool: PoolSeen, scene: Scene, run: Summary) -> bool:
        """Tell the run what its pool says, unless that is nothing new."""
        if pool.errors and pool.nodes < run.nodes:
            self._unallocated(scene, run, pool.errors[0])
        elif pool.lost > pool.preempted and pool.preparing + pool.running < run.nodes:
            self._node_lost(pool, scene, run)
        elif pool.running and run.status is not Status.RUNNING:
            self.observer.moved(run.name, run.attempt, Status.RUNNING, scene.tag)
        elif pool.preparing and run.status is Status.PROVISIONING:
            self.observer.moved(run.name, run.attempt, Status.PREPARING, scene.tag)
        else:
            return False
        return True

    def _over(self, scene: Scene, run: Summary) -> None:
        if not self.observer.observe(run.name, run.attempt, tag=scene.tag):
            # Batch leaves a task that never started as it is when it ends the job.
            seen = scene.attempts[attempt_key(run.name, run.attempt)]
            why = seen.problem or (JOB_EXPIRED if seen.reason == EXPIRED else JOB_ENDED)
            self.observer.lost(run.name, run.attempt, scene.tag, why)

    def _node_lost(self, pool: PoolSeen, scene: Scene, run: Summary) -> None:
        why = pool.lost_why or NODE_LOST
        # What is wrong with the image, say, is wrong on the next node too.
        tell = self.observer.lost if why.code == NODE_LOST.code else self.observer.unplaced
        tell(run.name, run.attempt, scene.tag, why)

    def _unallocated(self, scene: Scene, run: Summary, problem: Problem) -> None:
        ended = AttemptEnded(
            id=f"{attempt_key(run.name, run.attempt)}-unallocated{scene.tag}",
            at=scene.now,
            attempt=run.attempt,
            cause="infrastructure",
            problem=problem,
        )
        self.bus.event(run.name, ended)

    def _in_between(self, scene: Scene, run: Summary) -> None:
        if run.status is Status.NOT_STARTED:
            if scene.quiet(run, GRACE):
                asked = Requested(id=f"{run.name}-requested{scene.tag}", at=scene.now)
                self.bus.event(run.name, asked)
            return
        if run.status is Status.QUEUED and run.name in scene.waiting:
            return
        if scene.quiet(run, GRACE if run.status in _LEAVING else PATIENCE):
            log.warning(
                "run %s: quiet in %s since %s", run.name, run.status, run.heard_at,
                extra={"run": run.name, "attempt": run.attempt, "from": run.status},
            )  # fmt: skip
            self.bus.event(run.name, Nudged(id=f"{run.name}-nudged{scene.tag}", at=scene.now))

    def _cancel(self, scene: Scene, run: Summary) -> None:
        """Say once more that somebody wished the run's end, if it goes on all the same."""
        leaving = run.status in (Status.FINALIZING, Status.CANCEL_REQUESTED)
        asked = run.cancel_asked_at
        if asked and not leaving and scene.now - asked > GRACE:
            log.warning(
                "run %s: asked to be canceled at %s, and is %s", run.name, asked, run.status,
                extra={"run": run.name, "from": run.status},
            )  # fmt: skip
            again = CancelAsked(id=f"{run.name}-cancel{scene.tag}", at=scene.now)
            self.bus.event(run.name, again)

    def _clean_up(self, scene: Scene) -> None:
        for seen in scene.attempts.values():
            if self._orphan(scene, seen.key, seen.created_at) and not seen.deleting:
                log.warning(
                    "orphan: Batch job %s belongs to no live run, deleted", seen.id,
                    extra={"run": seen.run, "batch_job": seen.id},
                )  # fmt: skip
                self.compute.take_down(seen.key)
        for pool in scene.pools.values():
            young = scene.now - pool.created_at <= GRACE
            # An auto pool goes with its job; one without a job is a leak, whoever it belonged to.
            if not (pool.key in scene.attempts or pool.deleting or young):
                log.warning(
                    "orphan: Batch pool %s has no job, deleted", pool.id,
                    extra={"run": pool.run, "batch_pool": pool.id},
                )  # fmt: skip
                self.inventory.drop_pool(pool.id)

    def _orphan(self, scene: Scene, key: str, created_at: datetime) -> bool:
        parts = split_attempt_key(key)
        if parts is None or scene.now - created_at <= GRACE:
            return False
        name, attempt = parts
        live = scene.live.get(name)
        if live is not None and live.attempt <= attempt:
            return False
        try:  # the lists can be stale; the record decides
            run = self.runs.load(name).run
        except NotFound:
            return True
        return run.final or run.attempt > attempt


def _overran(scene: Scene, run: Summary) -> bool:
    """Whether its script should have been stopped long ago."""
    if run.status is not Status.RUNNING or run.started_at is None:
        return False
    may = DEFAULT_TIMEOUT if run.timeout is None else timedelta(seconds=run.timeout)
    return scene.now - run.started_at > may + OVERRUN_GRACE


def _may_be_stuck(pool: PoolSeen | None, scene: Scene, run: Summary) -> bool:
    """Whether it has a node, or should have; else it just waits for one, and there's no news."""
    if run.compute:
        return scene.nodes.may_prepare(run.compute)
    return pool is None or pool.nodes > 0 or scene.quiet(run, NODE_DUE)


def _ten_days(day: datetime) -> str:
    """What the names of the runs of ten days begin with: 20260310 to 20260319 are `2026031`."""
    return f"{day:%Y%m%d}"[:-1]
