"""The kill switch: hold what would start, end what runs, delete all compute of ours.

The hold is written first. From then on it is the watch that keeps compute empty, each minute, until
somebody ends the hold: so a drain that dies half way is finished, two at once are one, and what an
instance was about to start is found. What isn't ours is never touched: Batch's ids and metadata say
what is.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from shared.app.at_once import at_once
from shared.app.capacity_book import CapacityBook
from shared.domain.capacity import Capacity, Held
from shared.domain.errors import RetrainError
from shared.domain.events import CancelAsked, Nudged
from shared.domain.keys import split_attempt_key
from shared.domain.status import Status
from shared.ports.bus import Bus
from shared.ports.compute import AttemptSeen, Compute, Inventory, PoolSeen
from shared.ports.runs import Runs, Summary

log = logging.getLogger("retrain.draining")

#: These come to their end by themselves, and give their compute back on the way.
_LEAVING: Final = (Status.FINALIZING, Status.CANCEL_REQUESTED)
_WAITING: Final = (Status.NOT_STARTED, Status.QUEUED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """What a sweep found, and has ended or deleted, unless that was under way already.

    runs: those that are not over yet, without those that wait for the hold's end.
    """

    held: Held
    runs: tuple[str, ...]
    jobs: tuple[str, ...]
    pools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Draining:
    book: CapacityBook
    runs: Runs
    inventory: Inventory
    compute: Compute
    bus: Bus
    now: Callable[[], datetime]

    def drain(self, by: str) -> Drained:
        """Hold compute, if it isn't held already, and empty it; do it again until nothing is left.

        Raises Transient; by then compute is held, or nothing was done.
        """
        mine = Held(by, self.now())
        capacity = self.book.change(lambda there: _held(there, mine))
        held = capacity.held
        assert held is not None, "it was just written"
        if held == mine:
            log.warning("compute: held and drained by %s", by)
        jobs, pools = self.inventory.attempts(), self.inventory.pools()
        live = [run for run in self.runs.list() if not run.status.final]
        return self.sweep(held, jobs, pools, live)

    def sweep(
        self,
        held: Held,
        jobs: Iterable[AttemptSeen],
        pools: Iterable[PoolSeen],
        live: Iterable[Summary],
    ) -> Drained:
        """End and delete what there is, as it was just listed."""
        active = [run for run in live if run.created_at <= held.since or not _waits(run)]
        ours = [job for job in jobs if split_attempt_key(job.key)]
        nodes = [pool for pool in pools if pool.compute or split_attempt_key(pool.key)]
        # The runs first: a run that hears of it can still keep its log.
        tag = f"{self.now():%Y%m%d%H%M}"
        ending = [run for run in active if run.status not in _LEAVING]
        at_once([run.name for run in ending], lambda name: self._end(name, held, tag))
        at_once([job for job in ours if not job.deleting], self._delete_job)
        at_once([pool for pool in nodes if not pool.deleting], self._delete_pool)
        return Drained(
            held=held,
            runs=tuple(run.name for run in active),
            jobs=tuple(job.id for job in ours),
            pools=tuple(pool.id for pool in nodes),
        )

    def resume(self) -> int:
        """End the hold, and set going what waited for it; returns how many runs those are."""
        now = self.now()
        capacity = self.book.change(lambda there: _resumed(there, now))
        log.warning("compute: no longer held")
        return self.wake(capacity) if capacity.resumed_at else 0

    def wake(self, capacity: Capacity) -> int:
        """Have all that waits ask anew, the oldest first; once that is done it is written down.

        If we die before, the watch does it again.
        """
        waiting = [run.name for run in self.runs.list() if run.status is Status.QUEUED]
        for name in waiting:
            nudged = Nudged(id=f"{name}-nudged-r{capacity.resumed_at:%Y%m%d%H%M%S}", at=self.now())
            self.bus.event(name, nudged)
        self.book.change(lambda there: _woken(there, capacity.resumed_at))
        return len(waiting)

    def _end(self, run: str, held: Held, tag: str) -> None:
        asked = CancelAsked(id=f"{run}-drained-{tag}", at=self.now(), note=held.note)
        self._tried(f"run {run}", lambda: self.bus.event(run, asked))

    def _delete_job(self, job: AttemptSeen) -> None:
        log.warning("drain: Batch job %s deleted", job.id)
        self._tried(f"Batch job {job.id}", lambda: self.compute.take_down(job.key))

    def _delete_pool(self, pool: PoolSeen) -> None:
        log.warning("drain: Batch pool %s deleted", pool.id)
        self._tried(f"Batch pool {pool.id}", lambda: self.inventory.drop_pool(pool.id))

    def _tried(self, what: str, act: Callable[[], None]) -> None:
        """One that can't be had holds up no other; the next sweep does it."""
        try:
            act()
        except RetrainError as error:
            log.warning("drain: %s is left for the next time: %s", what, error)


def _waits(run: Summary) -> bool:
    """Whether nothing of it costs anything."""
    return run.status in _WAITING


def _held(there: Capacity, mine: Held) -> Capacity:
    return there if there.held else replace(there, held=mine, resumed_at=None)


def _resumed(there: Capacity, now: datetime) -> Capacity:
    return replace(there, held=None, resumed_at=now) if there.held else there


def _woken(there: Capacity, resumed_at: datetime | None) -> Capacity:
    return replace(there, resumed_at=None) if there.resumed_at == resumed_at else there
