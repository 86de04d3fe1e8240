"""Named computes: kept in the registry, made and held by Batch pools that several runs share.

The record comes first and goes first. What was not done to the pool when we died, the watch does:
it makes the pool of a record that has none, and deletes one that has no record.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from shared.app.capacity_book import CapacityBook, is_capacity
from shared.app.documents import checked_compute
from shared.domain.capacity import Capacity
from shared.domain.errors import Invalid, NotFound, Permanent, Refused, Transient
from shared.domain.near import nearest
from shared.domain.run import Problem
from shared.jobs import BUILT_IN, AmlCompute, CommandJob, dump, named_compute
from shared.jobs.compute import MOST_TOGETHER
from shared.ports.compute import Inventory, Pools, PoolSeen
from shared.ports.registry import Kept, Registry
from shared.ports.runs import Runs

log = logging.getLogger("retrain.computes")

KIND: Final = "computes"
#: What can be changed of a compute; the rest says what its nodes are.
CHANGEABLE: Final = (
    "min_instances",
    "max_instances",
    "idle_time_before_scale_down",
    "description",
    "tags",
)
#: A compute that was there is taken to be there so long. One that was deleted meanwhile fails the
#: run a little later, when the watch finds that it has nowhere to run.
REMEMBERED: Final = timedelta(seconds=60)
_WAIT_FOR_ONE: Final = "Wait until it has ended, or cancel it with `retrain job cancel`."
_WAIT_FOR_ALL: Final = "Wait until they have ended, or cancel them with `retrain job cancel`."
DELETED: Final = Problem(
    "ComputeDeleted",
    "The run's compute is not there: it was deleted, or never made.",
    "Create the compute (`retrain compute create`), and submit the job again.",
)


@dataclass(frozen=True, slots=True)
class KeptCompute:
    """A compute as the registry holds it."""

    compute: AmlCompute
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ComputeNow:
    """A compute with what Batch says of it now; no pool: it is still to be made, by the watch."""

    kept: KeptCompute
    pool: PoolSeen | None


@dataclass(frozen=True, slots=True)
class Computes:
    registry: Registry
    runs: Runs
    pools: Pools
    inventory: Inventory
    book: CapacityBook
    now: Callable[[], datetime]
    _known: dict[str, tuple[datetime, AmlCompute]] = field(default_factory=dict)

    def create(self, document: Mapping[str, Any]) -> tuple[KeptCompute, bool]:
        """Create it, or change what can be changed of the one of its name; True when it is new.

        Raises Invalid, also when one of that name has other nodes; Refused when the service won't.
        """
        compute = checked_compute(document)
        self._in_region(compute)
        mine = _record(KeptCompute(compute, self.now()))
        if self.registry.once(KIND, compute.key, mine) == mine:
            self._make(compute)
            return _kept(mine), True
        there = self._loaded(compute.name)
        before = _kept(there.document).compute
        if compute.size is None:  # not said, so not changed
            compute = compute.model_copy(update={"size": before.size})
        _same_nodes(before, compute)
        return self._replace(there, compute), False

    def update(self, name: str, changes: Mapping[str, Any]) -> KeptCompute:
        """Change some fields of CHANGEABLE. Raises NotFound, Invalid, Conflict."""
        there = self._loaded(name)
        fixed = [field for field in changes if field not in CHANGEABLE]
        if fixed:
            raise Invalid(
                f"{fixed[0]} of a compute can't be changed.",
                remedy=f"What can be changed: {', '.join(CHANGEABLE)}.",
                code="InvalidChange",
                details=[(field, "can't be changed") for field in fixed],
            )
        before = _kept(there.document).compute
        numbers = f"min_instances {before.min_instances}, max_instances {before.max_instances}"
        wanted = {**there.document["compute"], **changes}
        after = checked_compute(wanted, f"Compute '{before.name}' has {numbers} now.")
        _same_nodes(before, after)
        return self._replace(there, after)

    def show(self, name: str) -> ComputeNow:
        """Raises NotFound."""
        return ComputeNow(_kept(self._loaded(name).document), self._seen().get(name.lower()))

    def list(self) -> Sequence[ComputeNow]:
        """All of them, by name, with their nodes."""
        kept = self.kept()
        seen = self._seen() if kept else {}
        return [ComputeNow(one, seen.get(one.compute.key)) for one in kept]

    def kept(self) -> Sequence[KeptCompute]:
        """All of them, by name; one that can't be read is logged, and holds up no other."""
        return self.kept_and_capacity()[0]

    def kept_and_capacity(self) -> tuple[Sequence[KeptCompute], Capacity]:
        """All of them, and what may start, in one call when neither changed since the last."""
        records = self.registry.list(KIND)
        computes = [one for one in records if not is_capacity(one)]
        kept = [kept for record in computes if (kept := _readable(record))]
        return kept, self.book.among(records)

    def delete(self, name: str) -> None:
        """Delete it and its pool; when nothing of it is left that is as good. Raises Invalid while
        runs use it."""
        key = name.lower()
        using = [
            run.name for run in self.runs.list() if run.compute == key and not run.status.final
        ]
        if using and self.registry.get(KIND, key) is not None:
            raise Invalid(
                f"Compute '{name}' is in use by {_counted(using)}.",
                remedy=_WAIT_FOR_ONE if len(using) == 1 else _WAIT_FOR_ALL,
                code="ComputeInUse",
            )
        self._known.pop(key, None)
        self.registry.delete(KIND, key)
        pool = self._seen().get(key)
        if pool is not None and not pool.deleting:
            self.inventory.drop_pool(pool.id)

    def demand(self, job: CommandJob) -> None:
        """Raises Invalid, with the nearest name, when there is no compute that the job names, or
        none that has what it asks for."""
        key = named_compute(job.compute)
        if key is None:
            return
        compute = self.remembered(key)
        if compute is None:
            raise self._unknown(key)
        for name, message, remedy in _unfit(job, compute):
            raise Invalid(
                f"{name}: {message}.", remedy=remedy, code="InvalidJob", details=[(name, message)]
            )

    def most(self, key: str) -> int:
        """How many nodes the compute may have; 0 when it isn't there."""
        compute = self.remembered(key)
        return compute.max_instances if compute else 0

    def remembered(self, key: str) -> AmlCompute | None:
        """The compute of that key as it was at most REMEMBERED ago; None when there is none."""
        at, compute = self._known.get(key, (None, None))
        if at is not None and self.now() - at < REMEMBERED:
            return compute
        record = self.registry.get(KIND, key)
        if record is None:
            self._known.pop(key, None)
            return None
        compute = _kept(record).compute
        self._known[key] = (self.now(), compute)
        return compute

    def _unknown(self, key: str) -> Invalid:
        names = [kept.compute.name for kept in self.kept()]
        mean = nearest(key, names)
        known = ", ".join([*names, *BUILT_IN])
        message = f"there is no compute '{key}'"
        return Invalid(
            f"compute: {message}" + (f"; did you mean '{mean}'?" if mean else "."),
            remedy=f"Use one of: {known}; leave `compute` out for a node of the run's own; or make "
            f"it with `retrain compute create --name {key} --size <VM size>`.",
            code="ComputeNotFound",
            details=[("compute", message)],
        )

    def _loaded(self, name: str) -> Kept:
        record = self.registry.load(KIND, name.lower())
        if record is None:
            names = [kept.compute.name for kept in self.kept()]
            raise NotFound("compute", name, "`retrain compute list` shows those there are.", names)
        return record

    def _seen(self) -> dict[str, PoolSeen]:
        return {pool.compute: pool for pool in self.inventory.pools() if pool.compute}

    def _make(self, compute: AmlCompute) -> None:
        if self.book.held():
            return  # the watch makes it once it may
        try:
            self.pools.ensure(compute, None)
        except Refused:
            self.registry.delete(KIND, compute.key)  # nobody should be told that it is there
            raise
        except Transient as error:
            log.warning(
                "compute %s: its pool is left to the watch: %s", compute.name, error,
                extra={"compute": compute.key, "code": error.code},
            )  # fmt: skip

    def _replace(self, before: Kept, compute: AmlCompute) -> KeptCompute:
        after = KeptCompute(compute, _kept(before.document).created_at)
        self.registry.save(KIND, compute.key, _record(after), before.etag)
        self._known.pop(compute.key, None)
        if not self.book.held():
            self.pools.ensure(compute, self._seen().get(compute.key))
        return after

    def _in_region(self, compute: AmlCompute) -> None:
        if compute.location is None:
            return
        ours = self.pools.region()
        if ours and _plain(compute.location) != ours:
            message = f"nodes are in {ours}, where the Batch account is"
            raise Invalid(
                f"location: {message}.",
                remedy=f"Leave it out, or write `location: {ours}`.",
                code="InvalidCompute",
                details=[("location", message)],
            )


def _counted(runs: Sequence[str]) -> str:
    return f"run {runs[0]}" if len(runs) == 1 else f"{len(runs)} runs, {runs[0]} among them"


def _plain(region: str) -> str:
    """`West Europe` is `westeurope`."""
    return region.lower().replace(" ", "")


def _unfit(job: CommandJob, compute: AmlCompute) -> Iterator[tuple[str, str, str]]:
    """Field, message, remedy."""
    count, most = job.resources.instance_count, compute.max_instances
    if count > most:
        yield (
            "resources.instance_count",
            f"compute '{compute.name}' has {most} nodes at most, and the job wants {count}",
            f"Lower it, or `retrain compute update {compute.name} --max-instances {count}`.",
        )
    if count > 1 and most > MOST_TOGETHER:
        yield (
            "resources.instance_count",
            f"the {most} nodes of compute '{compute.name}' can't talk to each other",
            f"Take a compute of at most {MOST_TOGETHER} nodes.",
        )
    wanted, size = job.resources.instance_type, compute.size
    if wanted and size and wanted.lower() != size.lower():
        yield (
            "resources.instance_type",
            f"nodes of compute '{compute.name}' are {size}, not {wanted}",
            "Leave it out, or leave out `compute` for a node of the run's own.",
        )


def _same_nodes(there: AmlCompute, wanted: AmlCompute) -> None:
    """Raises Invalid when the one can't become the other."""
    for name in ("size", "tier", "location"):
        before, after = getattr(there, name), getattr(wanted, name)
        if (before or "").lower() != (after or "").lower():
            message = (
                f"compute '{there.name}' has {name} {before or 'of the deployment'}, not {after}"
            )
            raise Invalid(
                f"{name}: {message}; that can't be changed.",
                remedy="Take another name, or delete the compute first.",
                code="ComputeExists",
                details=[(name, message)],
            )
    if (there.max_instances > MOST_TOGETHER) != (wanted.max_instances > MOST_TOGETHER):
        raise Invalid(
            "max_instances: a compute of at most 100 nodes, which can talk to each other, can't "
            "become one of more, or the other way round.",
            remedy="Take another name, or delete the compute first.",
            code="ComputeExists",
        )


def _record(kept: KeptCompute) -> dict[str, Any]:
    return {"created_at": kept.created_at.isoformat(), "compute": dump(kept.compute)}


def _kept(record: Mapping[str, Any]) -> KeptCompute:
    compute = AmlCompute.model_validate(record["compute"])
    return KeptCompute(compute, datetime.fromisoformat(record["created_at"]))


def _readable(record: Mapping[str, Any]) -> KeptCompute | None:
    try:
        return _kept(record)
    except (Permanent, LookupError, ValueError) as error:
        log.warning("a compute in the registry can't be read; create it anew: %s", error)
        return None
