"""From the clock to the training requests that are due."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.app.agenda import Agenda, Due, waiting
from shared.app.schedules import Kept, Schedules
from shared.app.starting import Outcome, Starting
from shared.domain.requests import TrainingRequest, request_id, told_to_the_job
from shared.domain.run import Source
from shared.jobs import AnyClock, job_for_tick, latest_ticks

log = logging.getLogger("retrain.triggers")

#: With `catch_up: all` at most so many times that passed are made up for, the latest.
MOST: Final = 100
#: Later than this a time was missed: with `catch_up: none` it is let go.
LATE: Final = timedelta(minutes=5)
#: Between two looks whether the run before is over.
PAUSE: Final = timedelta(seconds=20)
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class ClockTriggers:
    schedules: Schedules
    starting: Starting
    agenda: Agenda
    now: Callable[[], datetime]

    def fire(self, kept: Kept, due: Due) -> None:
        """Ask for the runs of the times since `due`, and see that the next one is on the agenda.

        A time's request is named by the schedule and the moment that was due: two instances, or one
        that died before it was done, ask for the same run.
        """
        now = self.now()
        for tick in self._missed(kept, due, now):
            if not self._ask(kept, tick):
                self.agenda.add(waiting(now + PAUSE, kept.name, tick))
                break
        self.schedules.index(kept, kept.schedule, now)

    def _missed(self, kept: Kept, due: Due, now: datetime) -> list[datetime]:
        trigger = kept.schedule.trigger
        assert isinstance(trigger, AnyClock)
        limit = MOST if trigger.catch_up == "all" else 1
        found = latest_ticks(trigger, kept.since, due.since - _INSTANT, now, limit)
        if trigger.catch_up == "none" and trigger.concurrency != "queue":
            kept_back = [tick for tick in found if now - tick > LATE]
            for tick in kept_back:
                log.warning(
                    "schedule %s: %s passed unseen, no run for it", kept.name, tick,
                    extra={"schedule": kept.name, "due": tick},
                )  # fmt: skip
            return found[len(kept_back) :]
        return found

    def _ask(self, kept: Kept, tick: datetime) -> bool:
        """False when it has to wait."""
        kind = kept.schedule.trigger.type
        assert kind != "data"
        identity = request_id("cron", kept.name, tick.isoformat())
        request = TrainingRequest(
            id=identity,
            at=tick,
            job=job_for_tick(kept.schedule, told_to_the_job(identity, tick)),
            source=Source(kind=kind, schedule=kept.name),
        )
        return self.starting.start(kept, request) is not Outcome.WAITS
