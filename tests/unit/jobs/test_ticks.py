"""When triggers are due, beside brute force: a wall clock that is watched minute by minute."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs import CronTrigger, RecurrenceTrigger, latest_ticks, next_ticks, ticks

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)


def naive(year: int) -> datetime:
    return datetime.fromisoformat(f"{year}-01-01")


def cron(expression: str, **fields: Any) -> CronTrigger:
    return CronTrigger.model_validate({"type": "cron", "expression": expression} | fields)


def every(interval: int, frequency: str, **fields: Any) -> RecurrenceTrigger:
    written = {"type": "recurrence", "frequency": frequency, "interval": interval} | fields
    return RecurrenceTrigger.model_validate(written)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def between(trigger: Any, start: datetime, end: datetime) -> list[datetime]:
    return [*takewhile(lambda tick: tick <= end, ticks(trigger, start, start))]


def watched(
    fits: Callable[[datetime], bool],
    zone: ZoneInfo,
    start: datetime,
    end: datetime,
    *,
    hourly: bool,
) -> Iterator[datetime]:
    """Past `start`: each minute in which the wall clock first reaches or passes a time that fits;
    of times of every hour each minute in which it shows one."""
    seen = start.astimezone(zone).replace(tzinfo=None)
    moment = start
    while (moment := moment + MINUTE) <= end:
        wall = moment.astimezone(zone).replace(tzinfo=None, fold=0)
        if hourly:
            if fits(wall):
                yield moment
            continue
        passed = int((wall - seen) / MINUTE)
        if any(fits(seen + step * MINUTE) for step in range(1, passed + 1)):
            yield moment
        seen = max(seen, wall)


@cache
def changes() -> dict[tuple[datetime, timedelta, timedelta], str]:
    """Every change of a clock there is from 2024 to 2030: when and by how much, and one of the
    zones that make it."""
    found: dict[tuple[datetime, timedelta, timedelta], str] = {}
    for name in sorted(available_timezones()):
        zone, moment = ZoneInfo(name), FIRST
        offset = moment.astimezone(zone).utcoffset()
        while (moment := moment + DAY) < LAST:
            now = moment.astimezone(zone).utcoffset()
            if now != offset:
                assert now is not None
                assert offset is not None
                found.setdefault((_exactly(moment, zone), offset, now), name)
                offset = now
    return found


def _exactly(after: datetime, zone: ZoneInfo) -> datetime:
    new = after.astimezone(zone).utcoffset()
    return next(
        moment
        for minutes in range(24 * 60 + 1)
        if (moment := after - DAY + minutes * MINUTE).astimezone(zone).utcoffset() == new
    )


def test_there_are_changes_to_look_at() -> None:
    assert len(changes()) > 150
    assert {after - before for _, before, after in changes()} > {
        timedelta(hours=1), timedelta(hours=-1), timedelta(minutes=30)
    }  # fmt: skip


@pytest.mark.parametrize("expression", ["*/20 0-4,20-23 * * *", "7 1,2,3 * * *", "15,45 * * * *"])
def test_around_every_change_of_every_clock(expression: str) -> None:
    minutes, hours = expression.split()[:2]
    trigger = {"*/20": {0, 20, 40}, "7": {7}, "15,45": {15, 45}}[minutes]
    wanted = {"0-4,20-23": {*range(5), 20, 21, 22, 23}, "1,2,3": {1, 2, 3}, "*": {*range(24)}}[
        hours
    ]

    def fits(wall: datetime) -> bool:
        return wall.minute in trigger and wall.hour in wanted

    for (moment, _, _), name in changes().items():
        start, end = moment - MINUTE * 131, moment + MINUTE * 187
        due = [*watched(fits, ZoneInfo(name), start, end, hourly=hours == "*")]
        assert between(cron(expression, time_zone=name), start, end) == due, (name, moment)


def part(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda two: f"{min(two)}-{max(two)}")
    plain = st.one_of(st.just("*"), number.map(str), span)
    stepped = st.tuples(st.just("*"), st.integers(1, high)).map(lambda two: f"{two[0]}/{two[1]}")
    return st.lists(st.one_of(plain, stepped), min_size=1, max_size=2).map(",".join)


@given(
    st.tuples(part(0, 59), part(0, 23), part(1, 28), part(1, 12), part(0, 7)).map(" ".join),
    st.datetimes(naive(2024), naive(2030)),
)
def test_cron_is_what_cronsim_makes_of_it(expression: str, start: datetime) -> None:
    moment = start.replace(second=0, microsecond=0, tzinfo=UTC)
    theirs = CronSim(expression, moment)
    assert next_ticks(cron(expression), moment, moment, 4) == [next(theirs) for _ in range(4)]


@given(
    st.sampled_from(["day", "week", "month"]),
    st.integers(1, 5),
    st.datetimes(naive(2024), naive(2028)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]),
)
def test_a_recurrence_counts_calendar_days(
    frequency: str, interval: int, start: datetime, zone: str
) -> None:
    start = start.replace(second=0, microsecond=0)
    trigger = every(interval, frequency, start_time=start.isoformat(), time_zone=zone)
    asked = start.replace(tzinfo=ZoneInfo(zone))
    since = asked.astimezone(UTC) - timedelta(days=100)
    for number, tick in enumerate(next_ticks(trigger, since, since, 8)):
        wall = tick.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        day = _plus(start.date(), frequency, number * interval)
        assert abs(wall - datetime.combine(day, start.time())) <= timedelta(hours=1)
        assert wall.date() == day or wall.hour == 0  # midnight itself can be skipped


def _plus(day: date, frequency: str, count: int) -> date:
    if frequency != "month":
        return day + timedelta(days=count * (7 if frequency == "week" else 1))
    index = day.year * 12 + day.month - 1 + count
    first = date(index // 12, index % 12 + 1, 1)
    last = (first + timedelta(days=32)).replace(day=1) - DAY
    return first.replace(day=min(day.day, last.day))


SINCE = utc("2026-03-10 12:34:56")
#: The trigger, in force since SINCE (a Tuesday), and the first times it is due.
COUNTS: dict[str, tuple[RecurrenceTrigger, list[str]]] = {
    "from now on, at once": (
        every(15, "minute"),
        ["2026-03-10 12:34", "2026-03-10 12:49", "2026-03-10 13:04"],
    ),
    "hours by the time that passes": (
        every(12, "hour", start_time="2026-03-28T20:00:00", time_zone="Europe/Berlin"),
        ["2026-03-28 19:00", "2026-03-29 07:00", "2026-03-29 19:00"],
    ),
    "days by the wall clock": (
        every(1, "day", start_time="2026-03-28T20:00:00", time_zone="Europe/Berlin"),
        ["2026-03-28 19:00", "2026-03-29 18:00"],
    ),
    "a start in the past is counted from": (
        every(2, "day", start_time="2026-03-01T06:00:00"),
        ["2026-03-11 06:00", "2026-03-13 06:00"],
    ),
    "at times of the day": (
        every(1, "day", schedule={"hours": [4, 13], "minutes": [0, 30]}),
        ["2026-03-10 13:00", "2026-03-10 13:30", "2026-03-11 04:00"],
    ),
    "at an hour": (every(1, "day", schedule={"hours": 4}), ["2026-03-11 04:00"]),
    "at minutes of the start's hour": (
        every(1, "day", schedule={"minutes": [40]}),
        ["2026-03-10 12:40", "2026-03-11 12:40"],
    ),
    "every other week": (
        every(2, "week", schedule={"week_days": ["friday", "monday"], "hours": 9, "minutes": 0}),
        ["2026-03-13 09:00", "2026-03-23 09:00", "2026-03-27 09:00"],
    ),
    "the month's last days": (
        every(1, "month", start_time="2026-01-31T00:00:00"),
        ["2026-03-31 00:00", "2026-04-30 00:00", "2026-05-31 00:00"],
    ),
    "only months that have it": (
        every(1, "month", schedule={"month_days": 31, "hours": 0}),
        ["2026-03-31 00:00", "2026-05-31 00:00"],
    ),
    "every quarter": (
        every(3, "month", schedule={"month_days": [1, 15], "hours": 6}),
        ["2026-03-15 06:00", "2026-06-01 06:00", "2026-06-15 06:00"],
    ),
    "to its end": (
        every(1, "day", start_time="2026-03-11T00:00:00", end_time="2026-03-12T00:00:00"),
        ["2026-03-11 00:00", "2026-03-12 00:00"],
    ),
}


@pytest.mark.parametrize(("trigger", "due"), COUNTS.values(), ids=COUNTS)
def test_recurrence(trigger: RecurrenceTrigger, due: list[str]) -> None:
    expected = [utc(text) for text in due]
    assert next_ticks(trigger, SINCE, SINCE - MINUTE, 30)[: len(due)] == expected
    if trigger.end_time:
        assert next_ticks(trigger, SINCE, SINCE - MINUTE, 30) == expected


@given(st.integers(1, 100), st.integers(1, 4), st.integers(0, 60 * 24 * 40))
def test_the_latest_are_the_end_of_all(limit: int, days: int, minutes: int) -> None:
    trigger = cron(f"*/{limit % 59 + 1} */3 */{days} * *", time_zone="Europe/Berlin")
    after = utc("2026-03-10 12:00")
    until = after + minutes * MINUTE
    assert (
        latest_ticks(trigger, after, after, until, limit) == between(trigger, after, until)[-limit:]
    )


def test_the_latest_of_many_years_is_found_at_once() -> None:
    after, until = utc("1990-01-01 00:00"), utc("2026-03-10 12:00")
    assert latest_ticks(cron("* * * * *"), after, after, until, 1) == [until]
    assert latest_ticks(cron("0 0 29 2 *"), after, after, until, 1) == [utc("2024-02-29 00:00")]


@pytest.mark.parametrize("frequency", ["hour", "day", "week", "month"])
def test_times_end_with_the_calendar(frequency: str) -> None:
    far = every(10_000, frequency, start_time="9900-01-01T00:00:00", time_zone="Asia/Tokyo")
    found = next_ticks(far, SINCE, SINCE, 1000)
    assert 1 <= len(found) < 1000
    assert found == sorted(found)
    assert next_ticks(cron("0 0 1 1 *", start_time="9990-01-01T00:00:00"), SINCE, SINCE, 99)
