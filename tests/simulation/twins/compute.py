"""Azure Batch in memory: attempts provision, prepare, run and end as virtual time passes."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.errors import Refused
from shared.domain.keys import BATCH_PREFIX
from shared.domain.run import Problem
from shared.jobs import AmlCompute
from shared.ports.compute import AttemptSeen, Order, PoolSeen, Report
from tests.simulation.twins.attempts import Attempt, Fate
from tests.simulation.twins.clock import Clock


@dataclass(frozen=True)
class Shared:
    """A named compute's pool."""

    compute: AmlCompute
    made: tuple[str, str]
    created_at: datetime
    hurried: bool = False


@dataclass
class SimulatedCompute:
    """Compute, Inventory, Pools and LiveLogs. `fate_of` decides over each new attempt.

    A shared pool has a node for whoever comes; one that is gone keeps its attempts waiting.
    """

    clock: Clock = field(default_factory=Clock)
    fate_of: Callable[[str], Fate] = lambda key: Fate()
    born: Callable[[Attempt], None] = lambda attempt: None
    made: dict[str, Attempt] = field(default_factory=dict)
    leaked: dict[str, Attempt] = field(default_factory=dict)
    history: dict[str, list[Attempt]] = field(default_factory=dict)  # of all there ever were
    logs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    calls: int = 0
    reports: Counter[str] = field(default_factory=Counter)
    shared: dict[str, Shared] = field(default_factory=dict)
    place: str = ""
    _going: dict[str, tuple[Attempt, datetime]] = field(default_factory=dict)  # pools, until when

    def provision(self, order: Order) -> None:
        self.calls += 1
        there = self._find(order.key)
        if there and there.deleted_at:
            return
        if there is None:
            there = self._make(order)
        if not there.tasked:
            there.tasked, there.created_at = True, self.clock.now
            self.born(there)

    def half_provision(self, order: Order) -> None:
        """What is there when it was cut off between its calls: a job, and no task in it."""
        if self._find(order.key) is None:
            self._make(order)

    def _make(self, order: Order) -> Attempt:
        fate = self.fate_of(order.key)
        if fate.ending == "refused":
            raise Refused("Azure Batch refused: no such size.", code="InvalidPropertyValue")
        waiting = order.compute is not None and order.compute not in self.shared
        attempt = Attempt(order, fate, self.clock.now, waiting=waiting, tasked=False)
        attempt.made_at = self.clock.now
        self.made[order.key] = attempt
        self.history.setdefault(order.key, []).append(attempt)
        return attempt

    def report(self, key: str) -> Report | None:
        self.calls += 1
        self.reports[key] += 1
        return self._report(key)

    def _report(self, key: str) -> Report | None:
        attempt = self._find(key)
        if attempt is None or attempt.deleted_at or not attempt.tasked:
            return None
        return attempt.report(self.clock.now)

    def take_down(self, key: str) -> None:
        self.calls += 1
        attempt = self._find(key)
        if attempt and not attempt.deleted_at:
            attempt.deleted_at = self.clock.now

    def attempts(self) -> Sequence[AttemptSeen]:
        self.calls += 1
        return [self._seen(key) for key in [*self.made] if self._find(key)]

    def pools(self) -> Sequence[PoolSeen]:
        self.calls += 1
        there = {key: attempt for key in [*self.made] if (attempt := self._find(key))}
        own = {key: one for key, one in there.items() if not one.order.compute} | self.leaked
        own |= {key: one for key, one in self._leaving.items() if key not in own}
        return [self._pool(attempt) for attempt in own.values()] + [
            self._shared_pool(key) for key in self.shared
        ]

    def drop_pool(self, pool_id: str) -> None:
        self.calls += 1
        self.leaked.pop(pool_id.removeprefix(f"{BATCH_PREFIX}pool-"), None)
        self.vanish(pool_id.removeprefix(f"{BATCH_PREFIX}compute-"))

    def region(self) -> str:
        return self.place

    def ensure(
        self, compute: AmlCompute, seen: PoolSeen | None, *, extra: int = 0, hurry: bool = False
    ) -> None:
        made = (f"{compute.size} {compute.tier}", f"{compute.model_dump()} {extra}")
        if seen is not None and seen.made == made and not hurry:
            return
        self.calls += 1
        if seen is not None and seen.made[0] != made[0]:
            self.vanish(compute.key)
            return
        there = self.shared.get(compute.key)
        created_at = there.created_at if there else self.clock.now
        self.shared[compute.key] = Shared(compute, made, created_at, hurried=hurry)
        for attempt in self.made.values():
            if attempt.order.compute == compute.key and attempt.waiting:
                attempt.waiting, attempt.created_at = False, self.clock.now

    def vanish(self, compute: str) -> None:
        """The compute's pool is gone, with what ran there."""
        if self.shared.pop(compute, None) is not None:
            for attempt in self.made.values():
                if attempt.order.compute == compute and attempt.over_at > self.clock.now:
                    attempt.requeued |= attempt.prepared_at <= self.clock.now
                    attempt.waiting = True

    def read(self, key: str, file: str, offset: int, limit: int) -> bytes | None:
        self.calls += 1
        attempt = self._find(key)
        if attempt is None or self.clock.now < attempt.started_at:
            return None
        return self.logs.get((key, file), b"hello\n")[offset : offset + limit]

    def _find(self, key: str) -> Attempt | None:
        """The attempt, unless it has been deleted by now; then its pool may be left."""
        attempt = self.made.get(key)
        if attempt is None:
            return None
        if attempt.fate.ending == "vanishes" and self.clock.now >= attempt.started_at:
            attempt.deleted_at = attempt.deleted_at or attempt.started_at - attempt.fate.deleting
        taken = attempt.fate.ending == "preempted" and self.clock.now >= attempt.started_at
        if taken and not attempt.preempted:
            attempt.preempted, attempt.created_at = True, attempt.started_at
        if attempt.deleted_at and self.clock.now >= attempt.deleted_at + attempt.fate.deleting:
            del self.made[key]
            if attempt.fate.leaks and not attempt.order.compute:
                self.leaked[key] = attempt
            elif not attempt.order.compute:
                gone = attempt.deleted_at + attempt.fate.deleting + attempt.fate.pool_deleting
                self._going[key] = (attempt, gone)
            return None
        return attempt

    @property
    def _leaving(self) -> dict[str, Attempt]:
        """Whose pools are still being deleted when their jobs are gone."""
        self._going = {
            key: (one, gone) for key, (one, gone) in self._going.items() if self.clock.now < gone
        }
        return {key: one for key, (one, _) in self._going.items()}

    def _seen(self, key: str) -> AttemptSeen:
        attempt = self.made[key]
        # On a shared pool nobody is refused a node; it takes its time, and some wait too long.
        endless = ("job expires", "never allocated") if attempt.order.compute else ("job expires",)
        expired = attempt.fate.ending in endless and self.clock.now >= attempt.over_at
        report = self._report(key)
        over = expired or (report is not None and report.phase == "ended")
        deleting = attempt.deleted_at is not None
        state = "deleting" if deleting else "completed" if over else "active"
        return AttemptSeen(
            id=BATCH_PREFIX + key,
            key=key,
            run=attempt.order.run,
            state=state,
            ended=over,
            deleting=deleting,
            created_at=attempt.created_at,
        )

    def _pool(self, attempt: Attempt) -> PoolSeen:
        report = self._report(attempt.order.key)
        phase = report.phase if report else "ended"
        preempted = attempt.preempted and phase == "provisioning"
        lost = attempt.lost_its_node(self.clock.now) or preempted
        starved = attempt.fate.ending == "never allocated" and self.clock.now > attempt.prepared_at
        return PoolSeen(
            id=f"{BATCH_PREFIX}pool-{attempt.order.key}",
            key=attempt.order.key,
            run=attempt.order.run,
            state="active",
            nodes=int(phase != "provisioning" or lost),
            deleting=attempt.deleted_at is not None and attempt.order.key not in self.leaked,
            created_at=attempt.created_at,
            errors=(Problem("AllocationFailed", "No capacity."),) if starved else (),
            preparing=int(phase == "preparing"),
            running=int(phase == "running"),
            lost=int(lost),
            preempted=int(preempted),
        )

    def _shared_pool(self, key: str) -> PoolSeen:
        pool = self.shared[key]
        mine = [one.order.key for one in self.made.values() if one.order.compute == key]
        phases = [report.phase for each in mine if (report := self._report(each))]
        nodes = min(pool.compute.max_instances, max(pool.compute.min_instances, len(phases)))
        running = phases.count("running") + phases.count("preparing")
        return PoolSeen(
            id=f"{BATCH_PREFIX}compute-{key}",
            key="",
            run="",
            state="active",
            nodes=nodes,
            deleting=False,
            created_at=pool.created_at,
            errors=(),
            running=running,
            lost=sum(self.made[each].lost_its_node(self.clock.now) for each in mine),
            target=nodes,
            compute=key,
            made=pool.made,
        )
