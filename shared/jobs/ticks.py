"""When a trigger by the clock is due."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Final

from shared.jobs.clock_trigger import (
    WEEK_DAYS,
    CronTrigger,
    RecurrencePattern,
    RecurrenceTrigger,
    fault_at,
    to_the_minute,
)
from shared.jobs.cron import cron_pattern
from shared.jobs.days import Days, every_nth_day, of_every_nth_month, of_every_nth_week
from shared.jobs.problems import refusal
from shared.jobs.wall_clock import Pattern, moments

_INSTANT: Final = timedelta(microseconds=1)
_HOUR: Final = timedelta(hours=1)
_UNITS: Final = {"minute": timedelta(minutes=1), "hour": _HOUR}
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
AnyClock = CronTrigger | RecurrenceTrigger


def ticks(trigger: AnyClock, since: datetime, after: datetime) -> Iterator[datetime]:
    """The moments past `after` at which the trigger is due, ascending, in UTC.

    since: when it came into force. A recurrence without `start_time` counts from then, and is due
    then for the first time unless its `schedule` says otherwise.
    """
    anchor = to_the_minute((trigger.starts_at or since).astimezone(UTC))
    after = max(after, _begins(trigger, since, anchor)).astimezone(UTC)
    if isinstance(trigger, CronTrigger):
        found = moments(cron_pattern(trigger.expression), trigger.zone, after)
    elif trigger.frequency in _UNITS:
        found = _counted(_UNITS[trigger.frequency] * trigger.interval, anchor, after)
    else:
        found = moments(_pattern(trigger, anchor), trigger.zone, after)
    end, found = trigger.ends_at, _in_the_calendar(found)
    return found if end is None else takewhile(lambda tick: tick <= end, found)


def _in_the_calendar(found: Iterator[datetime]) -> Iterator[datetime]:
    try:
        yield from found
    except OverflowError:
        return  # past the year 9999


def _begins(trigger: AnyClock, since: datetime, anchor: datetime) -> datetime:
    """Past this moment times count. `start_time` may be one itself; one that is counted from is the
    first, seconds or not."""
    counted = isinstance(trigger, RecurrenceTrigger) and trigger.schedule is None
    if trigger.starts_at is None:
        return anchor - _INSTANT if counted else since
    start = anchor if counted else trigger.starts_at
    return max(start - _INSTANT, since)


def check_fires(trigger: AnyClock) -> None:
    """Raise, with the field, when the trigger is due at no time at all."""
    start = trigger.starts_at or _LONG_AGO
    if next_ticks(trigger, start, start - _INSTANT, 1):
        return
    if trigger.ends_at is None:
        field = "expression" if isinstance(trigger, CronTrigger) else "schedule"
        raise fault_at(field, refusal("the trigger never fires", "use other days"))
    message = "the trigger never fires between start_time and end_time"
    raise fault_at("end_time", refusal(message, "use a later one"))


def latest_ticks(
    trigger: AnyClock, since: datetime, after: datetime, until: datetime, limit: int
) -> list[datetime]:
    """The last `limit` that are due in (after, until], ascending. What it costs does not grow with
    how long ago `after` is: it looks further and further back until there are enough."""
    back = _HOUR
    while True:
        start = max(after, until - back)
        found = [*takewhile(lambda tick: tick <= until, ticks(trigger, since, start))]
        if len(found) >= limit or start == after:
            return found[-limit:]
        back *= 8


def next_ticks(trigger: AnyClock, since: datetime, after: datetime, count: int) -> list[datetime]:
    """The first `count` past `after`; fewer when there are no more."""
    return [*islice(ticks(trigger, since, after), count)]


def _counted(step: timedelta, anchor: datetime, after: datetime) -> Iterator[datetime]:
    tick = anchor + max(0, (after - anchor) // step + 1) * step
    while True:
        yield tick
        tick += step


def _pattern(trigger: RecurrenceTrigger, anchor: datetime) -> Pattern:
    start = anchor.astimezone(trigger.zone)
    asked = trigger.schedule or RecurrencePattern()
    minutes = asked.minutes or ((0,) if asked.hours else (start.minute,))
    return Pattern(asked.hours or (start.hour,), minutes, _days(trigger, start, asked))


def _days(trigger: RecurrenceTrigger, start: datetime, asked: RecurrencePattern) -> Days:
    day, interval = start.date(), trigger.interval
    match trigger.frequency:
        case "day":
            return every_nth_day(day, interval)
        case "week":
            named = {WEEK_DAYS.index(name) for name in asked.week_days or ()}
            return of_every_nth_week(day, interval, named or {day.weekday()})
        case _:
            return of_every_nth_month(day, interval, asked.month_days)
