"""Timer functions: due by NCRONTAB in UTC, never two at once, and what was missed is made up once.

When a schedule is monitored (the default, and off when it fires more than once a minute), its last
and next times are kept on disk; a next time that has passed while the host was down is past due.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from azure.functions.timer import TimerRequest

from retrain.local.host.errors import AppRefused
from retrain.local.host.functions import Function
from retrain.local.host.host_json import seconds
from retrain.local.host.invocations import Invocations
from retrain.local.host.ncrontab import BadSchedule, parse
from retrain.local.host.outputs import Apply

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
#: Sleeps are cut to this, in seconds, so that a machine that was suspended is not late for long.
_LONGEST_SLEEP = 30.0


@dataclass(frozen=True, slots=True)
class Status:
    """When the timer last fired (None: never) and is due next."""

    last: datetime | None
    next: datetime

    def as_json(self) -> dict[str, str]:
        last = self.last or datetime.min.replace(tzinfo=UTC)
        return {
            "Last": last.isoformat(),
            "Next": self.next.isoformat(),
            "LastUpdated": last.isoformat(),
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
        self._one_at_a_time = asyncio.Lock()
        self._waiting: asyncio.Task[None] | None = None

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

    async def _run(self) -> None:
        now = self._clock()
        status = self._read() or Status(None, self._schedule.after(now))
        if status.next <= now:
            status = await self._fire(status, past_due=True)
        elif self._at_start:
            status = await self._fire(status, past_due=False)
        else:
            self._write(status)
        while True:
            await self._until(status.next)
            status = await self._fire(status, past_due=False)

    async def run_now(self) -> bool:
        """Fire once, out of turn, as a person may ask; whether it succeeded."""
        status = self._read() or Status(None, self._schedule.after(self._clock()))
        return await self._call(status, past_due=False)

    async def _fire(self, status: Status, *, past_due: bool) -> Status:
        began = self._clock()
        await self._call(status, past_due=past_due)
        # From the end on, not from the beginning: what fell due meanwhile is not made up.
        status = Status(began, self._schedule.after(max(self._clock(), status.next)))
        self._write(status)
        return status

    async def _call(self, status: Status, *, past_due: bool) -> bool:
        async with self._one_at_a_time:
            tries = int(self._function.retry.get("max_retry_count") or 0)
            tries = sys.maxsize if tries < 0 else tries  # -1 is for ever
            for count in range(tries + 1):
                request = TimerRequest(
                    past_due=past_due,
                    schedule_status=status.as_json() if self._monitored else {},
                    schedule={"AdjustForDST": True},
                )
                outcome = await self._invocations.call(
                    self._function, request, retries=count, max_retries=tries
                )
                if outcome.succeeded and await self._apply(self._function, outcome):
                    return True
                if count < tries:
                    await asyncio.sleep(self._delay(count))
            return False

    def _delay(self, count: int) -> float:
        retry = self._function.retry
        if retry.get("strategy") == "fixed_delay":
            return seconds(retry.get("delay_interval") or "00:00:00")
        least = seconds(retry.get("minimum_interval") or "00:00:01")
        most = seconds(retry.get("maximum_interval") or "00:05:00")
        return min(most, least * 2.0**count)

    async def _until(self, due: datetime) -> None:
        while (left := (due - self._clock()).total_seconds()) > 0:
            await asyncio.sleep(min(left, _LONGEST_SLEEP))

    def _read(self) -> Status | None:
        if not self._monitored:
            return None
        with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
            content = json.loads(self._file.read_text())
            last = datetime.fromisoformat(content["Last"])
            was = datetime.fromisoformat(content["Next"])
            # After a change of schedule the old next time counts only if it is a new one too.
            if self._schedule.after(was - timedelta(seconds=1)) == was:
                return Status(None if last.year == 1 else last, was)
        return None

    def _write(self, status: Status) -> None:
        if not self._monitored:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(status.as_json()))
        fresh.replace(self._file)
