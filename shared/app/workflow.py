"""One step of a run: load, decide, save, act; the same lines for every event."""

import logging
from dataclasses import dataclass, replace

from shared.app.effects import Effects
from shared.app.gate import Gate
from shared.domain.errors import NotFound
from shared.domain.events import Event
from shared.domain.run import Run
from shared.domain.transitions import Decision, advance
from shared.ports.runs import Runs
from shared.ports.telemetry import SILENT, Telemetry, Value

log = logging.getLogger("retrain.workflow")


@dataclass(frozen=True, slots=True)
class Workflow:
    runs: Runs
    effects: Effects
    gate: Gate
    telemetry: Telemetry = SILENT

    def handle(self, name: str, event: Event) -> None:
        """Take the event in and do what it asks for. Raises Transient: the bus delivers again.

        The record is written before anything is done, with the commands that were decided: an
        instance that lost its session fails on the ETag before it touches anything, and a
        redelivered event finds itself decided and repeats its commands under the same names.
        """
        facts = {"retrain.event": event.kind, "retrain.event_id": event.id}
        with self.telemetry.span(f"step {event.kind}", name, facts) as told:
            self._step(name, event, told)

    def _step(self, name: str, event: Event, told: dict[str, Value]) -> None:
        try:
            stored = self.runs.load(name)
        except NotFound:
            log.warning(
                "run %s: dropped %s, there is no such run", name, event.kind,
                extra={"run": name, "event": event.kind, "event_id": event.id},
            )  # fmt: skip
            return
        before = stored.run
        decision = self.gate.let(before, event, advance(before, event))
        if decision.run != before:
            # By our clock, not the event's: the watch must not think a run forgotten whose event
            # waited long in the queue.
            heard = max(decision.run.heard_at, self.effects.now())
            self.runs.save(replace(decision.run, heard_at=heard), stored.etag)
            self.gate.ended(before, decision.run)
        _tell(before, event, decision)
        told |= {"retrain.from": before.status, "retrain.to": decision.run.status}
        if decision.run.final and not before.final:
            self.telemetry.ended(decision.run)  # once: the step that wrote its end tells of it
        for command in decision.commands:
            with self.telemetry.span(command.kind, name, {"retrain.attempt": decision.run.attempt}):
                self.effects.perform(decision.run, command, event)


def _tell(before: Run, event: Event, decision: Decision) -> None:
    """One line for each decision; of a message that came again too, which shows by `again`."""
    after = decision.run
    log.info(
        "run %s: %s: %s -> %s", after.name, event.kind, before.status, after.status,
        extra={
            "run": after.name,
            "attempt": after.attempt,
            "event": event.kind,
            "event_id": event.id,
            "again": event.id == before.last_event,
            "from": before.status,
            "to": after.status,
            "commands": [command.kind for command in decision.commands],
            "code": after.problem.code if after.problem else None,
            "schedule": after.source.schedule,
        },
    )  # fmt: skip
