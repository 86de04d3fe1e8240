"""Telling people's own services how a run ended."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from shared.app.deliveries import Deliveries, Delivery, State
from shared.domain.commands import Notify
from shared.domain.errors import Invalid, Refused, Transient
from shared.domain.events import NotifyDue
from shared.domain.lineage import Written
from shared.domain.run import Run
from shared.jobs import CommandJob, dump
from shared.ports.bus import Bus
from shared.ports.webhooks import Webhooks

log = logging.getLogger("retrain.notifications")

#: Seconds between the tries of one that can't be reached; after them it is given up.
BACKOFF: Final = (10, 60, 300, 1800, 7200)


@dataclass(frozen=True, slots=True)
class Notifier:
    webhooks: Webhooks
    bus: Bus
    deliveries: Deliveries
    now: Callable[[], datetime]

    def notify(self, run: Run, command: Notify) -> None:
        """Tell it, or see to it that it is told later. At least once: the message's id is the
        occasion's, so that a receiver can drop what it has had. Raises Transient of the bus."""
        url = run.job.notifications[command.webhook].webhook
        message = f"{run.name}-{command.occasion}-{command.webhook}"
        try:
            self.webhooks.post(url, message, self.now(), content(run, command))
        except Refused as error:
            self._note(run, command, "given up", f"{error} {error.remedy}".strip())
            log.warning(
                "run %s: %s was not told: %s %s", run.name, url, error, error.remedy,
                extra={**_fields(run, command), "code": error.code},
            )  # fmt: skip
        except Transient as error:
            self._later(run, command, str(error))
        else:
            self._note(run, command, "told")
            log.info(
                "run %s: told %s of %s", run.name, url, command.occasion,
                extra=_fields(run, command),
            )  # fmt: skip

    def _note(self, run: Run, command: Notify, state: State, reason: str = "") -> None:
        delivery = Delivery(
            webhook=run.job.notifications[command.webhook].webhook,
            occasion=command.occasion,
            state=state,
            at=self.now().isoformat(),
            tries=command.tries + 1,
            reason=reason,
        )
        self.deliveries.note(run.name, command.webhook, delivery)

    def _later(self, run: Run, command: Notify, reason: str) -> None:
        why = f"{run.job.notifications[command.webhook].webhook}: {reason}"
        if command.tries == len(BACKOFF):
            self._note(run, command, "given up", reason)
            log.warning(
                "run %s: given up after %d tries: %s", run.name, command.tries + 1, why,
                extra=_fields(run, command),
            )  # fmt: skip
            return
        tries = command.tries + 1
        due = self.now() + timedelta(seconds=BACKOFF[command.tries])
        event = NotifyDue(
            id=f"{run.name}-notify-{command.occasion}-{command.webhook}-{tries}",
            at=due,
            webhook=command.webhook,
            occasion=command.occasion,
            tries=tries,
        )
        self.bus.event(run.name, event, after=due)
        self._note(run, command, "waiting", reason)
        log.info("run %s: told later: %s", run.name, why, extra=_fields(run, command))


def _fields(run: Run, command: Notify) -> dict[str, Any]:
    """Of a line in the log."""
    return {"run": run.name, "occasion": command.occasion, "tries": command.tries + 1}


def check_addresses(webhooks: Webhooks, job: CommandJob) -> None:
    """Raises Invalid for the addresses of a job that could never be told of anything."""
    refused: dict[str, Refused] = {}
    for number, one in enumerate(job.notifications):
        try:
            webhooks.check(one.webhook)
        except Refused as error:
            refused[f"notifications[{number}].webhook"] = error
    if refused:
        field, first = next(iter(refused.items()))
        raise Invalid(
            f"{field}: {first}",
            remedy=first.remedy,
            code=first.code,
            details=[(name, error.message) for name, error in refused.items()],
        )


def content(run: Run, command: Notify) -> bytes:
    """The body: `{"type": "run.completed", "timestamp": …, "data": {…}}`, the same at each try."""
    ended = run.ended_at or run.created_at
    told: dict[str, Any] = {
        "type": f"run.{command.occasion}",
        "timestamp": ended.isoformat(),
        "data": {
            "name": run.name,
            "status": run.status,
            "display_name": run.job.display_name,
            "experiment_name": run.job.experiment_name,
            "tags": dump(run.job).get("tags", {}),
            "source": run.source.kind,
            "schedule": run.source.schedule,
            "attempt": run.attempt,
            "created_at": run.created_at.isoformat(),
            "started_at": run.started_at and run.started_at.isoformat(),
            "ended_at": ended.isoformat(),
            "registered": [_registered(written) for written in run.writes if written.asset],
            "error": run.problem
            and {
                "code": run.problem.code,
                "message": run.problem.message,
                "remedy": run.problem.remedy,
            },
        },
    }
    return json.dumps(told).encode()


def _registered(written: Written) -> dict[str, Any]:
    """What the run registered, and whether it is the champion of its name now."""
    assert written.asset is not None
    judgement = written.promotion
    return {
        "kind": written.asset.kind,
        "name": written.asset.name,
        "version": written.asset.version,
        "promoted": judgement and judgement.promoted,
        "reason": judgement and judgement.reason,
    }
