"""Between the decision that an attempt starts and its start: may it, now?

It is asked before the run's record is saved, so a run that may not start never seems to have
started: it waits in Queued, and its timeline says for what. Asking twice is asking once.

Without limits, and while nobody holds compute, it costs no call for most runs. With limits each
attempt is written into the ledger before it starts, and out of it once its compute is taken down;
whoever writes one out lets others in, and tells them. What a process that died left there, and a
message that was lost, the watch finds.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from shared.app.capacity_book import CapacityBook
from shared.app.computes import Computes
from shared.domain import ledger as nodes
from shared.domain.capacity import Capacity
from shared.domain.commands import AwaitNodes, BuildImage, Provision
from shared.domain.errors import NotFound
from shared.domain.events import Event, NodesGranted
from shared.domain.keys import attempt_key, split_attempt_key
from shared.domain.ledger import Ledger, Limits, Place
from shared.domain.run import Problem, Run
from shared.domain.status import Status
from shared.domain.transitions import Decision, advance
from shared.domain.waiting import held_back, is_held_back
from shared.jobs import CommandJob, named_compute
from shared.ports.bus import Bus
from shared.ports.runs import Runs, Summary

log = logging.getLogger("retrain.gate")

#: Who was let in for so long, and didn't start, is told again.
_PATIENCE: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Gate:
    book: CapacityBook
    computes: Computes
    runs: Runs
    bus: Bus
    limits: Limits
    now: Callable[[], datetime]

    def let(self, before: Run, event: Event, decision: Decision) -> Decision:
        """The decision itself; or to wait, or to fail, when it starts what may not start.

        Raises Transient.
        """
        if decision.run == before or not _starts(decision):
            return decision  # repeated, or of no cost
        run = decision.run
        if not (self.limits and any(isinstance(one, Provision) for one in decision.commands)):
            held = self.book.held()
            return held_back(before, run, event, held.waits) if held else decision
        if problem := too_many(run.job, self.limits):
            return advance(replace(before, problem=problem), event)
        place = self._place(run)
        capacity = self._ask(run.key, place)
        if capacity.held:
            return held_back(before, run, event, capacity.held.waits)
        if run.key in capacity.ledger.taken:
            return decision
        return held_back(before, run, event, nodes.why_not(capacity.ledger, self.limits, place))

    def ask_again(self, run: Run, command: AwaitNodes, anew: str) -> None:
        """Tell the run when it may start by now, or never."""
        key = attempt_key(run.name, command.attempt)
        if not self.limits or too_many(run.job, self.limits):
            open_ = self.book.held() is None
        else:
            capacity = self._ask(key, self._place(run))
            open_ = not capacity.held and key in capacity.ledger.taken
        if open_:
            self._grant(key, anew)

    def leave(self, *keys: str) -> None:
        """The attempts' compute is taken down, or they never will have any."""
        if self.limits:
            self._change(lambda ledger: nodes.leave(ledger, keys, self.now()), held_too=True)

    def usage(self) -> Ledger:
        """What is in use this moment, as far as it is counted."""
        return nodes.brought_to(self.book.read().ledger, self.now())

    def ended(self, before: Run, run: Run) -> None:
        """A run that is over waits no more."""
        if run.final and is_held_back(before):
            self.leave(attempt_key(before.name, before.attempt + 1))

    def compare(
        self, capacity: Capacity, live: Mapping[str, Summary], most: Mapping[str, int], tag: str
    ) -> None:
        """Mend the ledger, as it was read after the runs were listed. No call when all is well.

        most: nodes of the named computes at most.
        """
        if not self.limits or capacity.held:
            return
        there, now = capacity.ledger, self.now()
        gone = [key for key in (*there.taken, *there.waiting) if self._is_gone(key, live)]
        for key in gone:
            log.warning("attempt %s: has no nodes any more, taken off the ledger", key)

        def mended(ledger: Ledger) -> Ledger:
            return nodes.resized(nodes.leave(ledger, gone, now), most)

        after = nodes.let_in(mended(there), self.limits)
        if (after.taken, after.waiting) != (there.taken, there.waiting):
            self._change(mended)
        for key, place in there.taken.items():
            parts = split_attempt_key(key)
            if parts is None or key in gone or now - place.since <= _PATIENCE:
                continue
            run = live.get(parts[0])
            if run is not None and run.attempt < parts[1]:
                self._grant(key, tag)

    def _is_gone(self, key: str, live: Mapping[str, Summary]) -> bool:
        """Whether the attempt is over, or can't begin any more."""
        parts = split_attempt_key(key)
        if parts is None:
            return True
        name, attempt = parts
        run = live.get(name)
        if run is not None:
            queued = run.status is Status.QUEUED
            return run.attempt > attempt or (queued and run.attempt == attempt)
        try:  # it may be older than what was listed
            found = self.runs.load(name).run
        except NotFound:
            return True
        return found.final or found.attempt > attempt

    def _place(self, run: Run) -> Place:
        compute, count = named_compute(run.job.compute), run.job.resources.instance_count
        return Place(
            nodes=count,
            seconds=int(run.job.limits.timeout or nodes.RECKONED),
            since=self.now(),
            compute=compute or "",
            most=self.computes.most(compute) if compute else 0,
        )

    def _ask(self, key: str, place: Place) -> Capacity:
        return self._change(lambda ledger: nodes.ask(ledger, self.limits, key, place), but=key)

    def _change(
        self, step: Callable[[Ledger], Ledger], *, but: str = "", held_too: bool = False
    ) -> Capacity:
        """Write, let in whom there is room for, and tell them. but: who knows anyway.

        While compute is held nobody is let in, and nothing is written unless `held_too`.
        """
        let_in: Sequence[str] = ()

        def whole(there: Capacity) -> Capacity:
            nonlocal let_in
            let_in = ()
            if there.held:
                return replace(there, ledger=step(there.ledger)) if held_too else there
            ledger = nodes.let_in(step(there.ledger), self.limits)
            let_in = [key for key in ledger.taken if key not in there.ledger.taken]
            return replace(there, ledger=ledger)

        capacity = self.book.change(whole)
        self._tell(capacity.ledger, (key for key in let_in if key != but))
        return capacity

    def _tell(self, ledger: Ledger, keys: Iterable[str]) -> None:
        for key in keys:
            self._grant(key, f"-{ledger.taken[key].since:%Y%m%d%H%M%S%f}")

    def _grant(self, key: str, tag: str) -> None:
        parts = split_attempt_key(key)
        assert parts is not None, "only attempts are let in"
        name, attempt = parts
        granted = NodesGranted(id=f"{key}-granted{tag}", at=self.now(), attempt=attempt)
        self.bus.event(name, granted)


def too_many(job: CommandJob, limits: Limits) -> Problem | None:
    """Why the job can never run under these limits."""
    count = job.resources.instance_count
    if limits.nodes is None or count <= limits.nodes:
        return None
    return Problem(
        "TooManyNodes",
        f"The job wants {count} nodes (resources.instance_count), and this deployment may use "
        f"{limits.nodes} at once.",
        "Lower it, or raise the app setting RETRAIN_MAX_NODES.",
    )


def _starts(decision: Decision) -> bool:
    """Whether it begins something that costs: nodes, or the building of an image."""
    return any(
        isinstance(command, Provision) or (isinstance(command, BuildImage) and not command.look)
        for command in decision.commands
    )
