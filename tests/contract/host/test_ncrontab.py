"""NCRONTAB: a table of due times, and the evaluator against the plainest one there can be."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain.local.host.ncrontab import BadSchedule, Schedule, parse

NOON = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)  # a Wednesday

CASES = {
    "every second": ("* * * * * *", "2026-03-04 12:00:01"),
    "five fields are minutes": ("*/5 * * * *", "2026-03-04 12:05:00"),
    "the top of the hour": ("0 0 * * * *", "2026-03-04 13:00:00"),
    "now is not later": ("0 0 12 * * *", "2026-03-05 12:00:00"),
    "weekdays at half past nine": ("0 30 9 * * 1-5", "2026-03-05 09:30:00"),
    "names": ("0 0 0 * Jul MON", "2026-07-06 00:00:00"),
    "a start and a step": ("0 7/20 * * * *", "2026-03-04 12:07:00"),
    "a list of ranges": ("0 0 1-2,20-22/2 * * *", "2026-03-04 20:00:00"),
    "day and weekday must both fit": ("0 0 0 13 * 5", "2026-03-13 00:00:00"),
    "leap day": ("0 0 0 29 2 *", "2028-02-29 00:00:00"),
    "the end of the year": ("59 59 23 31 12 *", "2026-12-31 23:59:59"),
    "sunday is 0": ("0 0 6 * * 0", "2026-03-08 06:00:00"),
}


@pytest.mark.parametrize(("expression", "due"), CASES.values(), ids=CASES)
def test_after(expression: str, due: str) -> None:
    assert parse(expression).after(NOON) == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_other_time_zones_are_read_as_what_they_are_in_utc() -> None:
    tokyo = NOON.astimezone(tz=__import__("zoneinfo").ZoneInfo("Asia/Tokyo"))
    assert parse("0 30 12 * * *").after(tokyo) == NOON + timedelta(minutes=30)


BAD = {
    "four fields": ("* * * *", "has 4 fields"),
    "seven fields": ("* * * * * * *", "has 7 fields"),
    "minute 60": ("0 60 * * * *", "'60' is no minute: it must be 0 to 59"),
    "weekday 7": ("0 0 0 * * 7", "'7' is no weekday"),
    "a word": ("0 0 noon * * *", "'noon' is no hour"),
    "backwards": ("0 30-10 * * * *", "'30-10' is no minute"),
    "step 0": ("*/0 * * * * *", "'*/0' is no second"),
    "30 February": ("0 0 0 30 2 *", "never comes"),
    "a time span": ("00:05:00", "has 1 fields"),
    "an empty part": ("0 1,,2 * * * *", "is no minute"),
}


@pytest.mark.parametrize(("expression", "message"), BAD.values(), ids=BAD)
def test_bad_schedules_say_what_is_wrong(expression: str, message: str) -> None:
    with pytest.raises(BadSchedule, match=message.replace("*", r"\*")):
        parse(expression)


def fields(low: int, high: int) -> st.SearchStrategy[str]:
    value = st.integers(low, high).map(str)
    ranges = st.tuples(st.integers(low, high), st.integers(low, high)).map(
        lambda pair: f"{min(pair)}-{max(pair)}"
    )
    steps = st.integers(1, 7).map(lambda step: f"*/{step}")
    return st.one_of(st.just("*"), value, ranges, steps)


expressions = st.tuples(
    *(fields(*bounds) for bounds in ((0, 59), (0, 59), (0, 23), (1, 28), (1, 12), (0, 6)))
).map(" ".join)
moments = st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants them bare


@given(expressions, moments)
@settings(max_examples=60, deadline=None)
def test_the_next_due_time_is_admitted_and_none_before_it_is(
    expression: str, moment: datetime
) -> None:
    schedule = parse(expression)
    due = schedule.after(moment)
    assert due > moment
    assert admits(schedule, due)
    # Stepping by whole days, hours, minutes, then seconds is slow and hard to get wrong.
    assert due == plainly(schedule, moment)


def admits(schedule: Schedule, moment: datetime) -> bool:
    return (
        moment.second in schedule.seconds
        and moment.minute in schedule.minutes
        and moment.hour in schedule.hours
        and moment.day in schedule.days
        and moment.month in schedule.months
        and (moment.weekday() + 1) % 7 in schedule.weekdays
    )


def plainly(schedule: Schedule, moment: datetime) -> datetime:
    moment = moment.replace(microsecond=0) + timedelta(seconds=1)
    while True:
        weekday = (moment.weekday() + 1) % 7
        day_fits = weekday in schedule.weekdays and moment.day in schedule.days
        if not day_fits or moment.month not in schedule.months:
            moment = moment.replace(hour=0, minute=0, second=0) + timedelta(days=1)
        elif moment.hour not in schedule.hours:
            moment = moment.replace(minute=0, second=0) + timedelta(hours=1)
        elif moment.minute not in schedule.minutes:
            moment = moment.replace(second=0) + timedelta(minutes=1)
        elif moment.second not in schedule.seconds:
            moment += timedelta(seconds=1)
        else:
            return moment
