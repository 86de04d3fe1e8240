"""Timer functions: due by NCRONTAB in UTC, never two at once, and what was missed is made up once.

When a schedule is monitored (the default, and off when it fires more than once a minute), its last
and next times are kept on disk; a next time that has passed while the host was down is past due.
The next time counts from the beginning of a run: when it has passed by the run's end, one more run
follows at once, and the others that fell due meanwhile are left out.
Source: azure-webjobs-sdk-extensions, TimerListener and ScheduleMonitor.
"""

import asyncio
import json
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from azure.functions.timer import TimerRequest

from retrain.local.host.context import Retries
from retrain.local.host.errors import AppRefused
from retrain.local.host.functions import Function
from retrain.local.host.invocations import Invocations
from retrain.local.host.ncrontab import BadSchedule, parse
from retrain.local.host.outputs import Apply
from retrain.local.host.retry_policy import policy_of
from retrain.local.host.settings import Clock

log = logging.getLogger(__name__)

#: What .NET writes for a time that never was.
_NEVER = datetime.min.replace(tzinfo=UTC)
#: Sleeps are cut to this, in seconds, so that a machine that was suspended is not late for long.
_LONGEST_SLEEP = 30.0


@dataclass(frozen=True, slots=True)
class Status:
    """When the timer last fired and is due next, as the real host notes it in blob storage."""

    last: datetime
    next: datetime
    updated: datetime

    def as_json(self) -> dict[str, str]:
        return {
            "Last": self.last.isoformat(),
            "Next": self.next.isoformat(),
            "LastUpdated": self.updated.isoformat(),
        }


class Timer:
    """One timer function. Raises AppRefused for a schedule that is none."""

    def __init__(
        self, function: Function, invocations: Invocations, apply: Apply, folder: Path, clock: Clock
    ) -> None:
        try:
            self._schedule = parse(function.trigger.text("schedule"))
        except BadSchedule as error:
            raise AppRefused(f"Function '{function.name}': the schedule {error}.") from error
        self._function = function
        self._invocations = invocations
        self._apply = apply
        self._clock = clock
        self._file = folder / f"{function.name}.json"
        self._at_start = function.trigger.flag("runOnStartup")
        frequent = self._schedule.every() < timedelta(minutes=1)
        self._monitored = function.trigger.flag("useMonitor", default=True) and not frequent
        self._retry = policy_of(function)
        self._one_at_a_time = asyncio.Lock()
        self._waiting: asyncio.Task[None] | None = None
        if frequent and function.trigger.flag("useMonitor", default=True):
            log.debug("timer %s fires too often to be monitored", function.name)

    async def start(self) -> None:
        self._waiting = asyncio.create_task(self._run())

    async def stop(self, patience_seconds: float) -> None:
        """Let a run under way end for so long; one cut off is past due at the next start."""
        if self._waiting is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds), self._one_at_a_time:
                pass
        self._waiting.cancel()
        await asyncio.gather(self._waiting, return_exceptions=True)

    async def run_now(self) -> bool:
        """Run once, out of turn, as a person may ask; whether it succeeded."""
        status = self._read() or self._first(self._clock())
        async with self._one_at_a_time:
            return (await self._once(status, past_due=False, retries=Retries())) is None

    async def _run(self) -> None:
        now = self._clock()
        status = self._read()
        if status is None:
            status = self._first(now)
            self._write(status)
        if status.next < now:
            log.info("Function '%s' is past due on startup. Executing now.", self._function.name)
            status = await self._fire(status, past_due=True, on_time=False)
        elif self._at_start:
            status = await self._fire(status, past_due=False, on_time=False)
        while True:
            await self._until(status.next)
            status = await self._fire(status, past_due=False, on_time=True)

    def _first(self, now: datetime) -> Status:
        return Status(_NEVER, self._schedule.after(now), now)

    async def _fire(self, status: Status, *, past_due: bool, on_time: bool) -> Status:
        began = self._clock()
        async with self._one_at_a_time:
            await self._tries(status, past_due=past_due)
        if on_time:  # a moment early is on time, or it would be due twice
            began = max(began, status.next)
        status = Status(began, self._schedule.after(began), began)
        self._write(status)
        return status

    async def _tries(self, status: Status, *, past_due: bool) -> None:
        retry, tried, last = self._retry, 0, None
        most = -1 if retry.count is None else retry.count
        while True:
            last = await self._once(status, past_due=past_due, retries=Retries(tried, most, last))
            tried += 1
            if last is None or not retry.again(tried):
                return
            pause = retry.pause(tried)
            log.info("timer %s is tried again in %g s", self._function.name, pause)
            await asyncio.sleep(pause)

    async def _once(
        self, status: Status, *, past_due: bool, retries: Retries
    ) -> BaseException | None:
        """What it failed with, or None."""
        request = TimerRequest(
            past_due=past_due,
            schedule_status=status.as_json() if self._monitored else {},
            schedule={"AdjustForDST": True},
        )
        outcome = await self._invocations.call(self._function, request, retries=retries)
        if outcome.succeeded and await self._apply(self._function, outcome):
            return None
        return outcome.error or RuntimeError("an output failed")

    async def _until(self, due: datetime) -> None:
        while (left := (due - self._clock()).total_seconds()) > 0:
            await asyncio.sleep(min(left, _LONGEST_SLEEP))

    def _read(self) -> Status | None:
        """What was noted, if the schedule is still the one it was noted by."""
        if not self._monitored:
            return None
        with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
            content = json.loads(self._file.read_text())
            last, due, updated = (
                datetime.fromisoformat(content[name]) for name in ("Last", "Next", "LastUpdated")
            )
            if self._schedule.after(updated) == due:
                return Status(last, due, updated)
        return None

    def _write(self, status: Status) -> None:
        if not self._monitored:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(status.as_json()))
        fresh.replace(self._file)
