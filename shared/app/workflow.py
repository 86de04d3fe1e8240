"""One step of a run: load, decide, save, act; the same lines for every event."""

import logging
from dataclasses import dataclass, replace

from shared.app.effects import Effects
from shared.app.gate import Gate
from shared.domain.errors import NotFound
from shared.domain.events import Event
from shared.domain.transitions import advance
from shared.ports.runs import Runs

log = logging.getLogger("retrain.workflow")


@dataclass(frozen=True, slots=True)
class Workflow:
    runs: Runs
    effects: Effects
    gate: Gate

    def handle(self, name: str, event: Event) -> None:
        """Take the event in and do what it asks for. Raises Transient: the bus delivers again.

        The record is written before anything is done, with the commands that were decided: an
        instance that lost its session fails on the ETag before it touches anything, and a
        redelivered event finds itself decided and repeats its commands under the same names.
        """
        try:
            stored = self.runs.load(name)
        except NotFound:
            log.warning("run %s: dropped %s, there is no such run", name, event.kind)
            return
        before = stored.run
        decision = self.gate.let(before, event, advance(before, event))
        if decision.run != before:
            # By our clock, not the event's: the watch must not think a run forgotten whose event
            # waited long in the queue.
            heard = max(decision.run.heard_at, self.effects.now())
            self.runs.save(replace(decision.run, heard_at=heard), stored.etag)
            self.gate.ended(before, decision.run)
        log.info(
            "run %s: %s: %s -> %s", name, event.kind, before.status, decision.run.status,
            extra={"run": name},
        )  # fmt: skip
        for command in decision.commands:
            self.effects.perform(decision.run, command, event)
