"""From the clock to the training requests that are due."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cronsim import CronSim

from shared.app.admission import Admission
from shared.app.schedules import Kept, Schedules
from shared.domain.requests import TrainingRequest, request_id
from shared.domain.run import Source
from shared.jobs import CronTrigger
from shared.ports.registry import Registry

log = logging.getLogger("retrain.triggers")

_KIND, _NAME = "clock", "cron"
#: After a longer silence older ticks are let go.
_REACH: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class CronTriggers:
    schedules: Schedules
    registry: Registry
    admission: Admission
    now: Callable[[], datetime]

    def tick(self) -> None:
        """Ask for a run for each schedule that fell due since the last tick, once for the latest.

        A tick's request is named by the schedule and the moment that was due, so that ticks of two
        instances, or one that died before it noted how far it came, are the same request.
        """
        now = self.now()
        note = self.registry.get(_KIND, _NAME)
        since = datetime.fromisoformat(note["until"]) if note else now - timedelta(minutes=1)
        since = max(since, now - _REACH)
        for kept in self.schedules.kept():
            if isinstance(kept.schedule.trigger, CronTrigger):
                self._ask(kept, since, now)
        self.registry.put(_KIND, _NAME, {"until": now.isoformat()})

    def _ask(self, kept: Kept, since: datetime, now: datetime) -> None:
        trigger = kept.schedule.trigger
        assert isinstance(trigger, CronTrigger)
        due = latest_due(trigger, max(since, kept.created_at), now)
        if due is None:
            return
        request = TrainingRequest(
            id=request_id("cron", kept.schedule.name, due.isoformat()),
            at=due,
            job=kept.schedule.create_job,
            source=Source(kind="cron", schedule=kept.schedule.name),
        )
        self.admission.submit(request)
        log.info("schedule %s: due at %s, asks for run %s", kept.schedule.name, due, request.run)


def latest_due(trigger: CronTrigger, since: datetime, now: datetime) -> datetime | None:
    """The last moment in (since, now] that the expression names, UTC; None when there is none.

    cronsim follows Debian's cron over changes of the clock: a skipped hour's jobs run once after
    it, a repeated hour's fixed ones once.
    """
    start, end = trigger.starts_at, trigger.ends_at
    after = max([since, *([start - timedelta(seconds=1)] if start else [])])
    latest = None
    for due in CronSim(trigger.expression, after.astimezone(trigger.zone)):
        if due > now or (end is not None and due > end):
            break
        latest = due.astimezone(UTC)
    return latest
