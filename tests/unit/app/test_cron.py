"""The clock: what falls due, over changes of the clock, missed ticks and two instances."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.app.cron import latest_due
from shared.jobs import CronTrigger
from tests.factories import a_schedule
from tests.simulation.twins.world import Twins


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def trigger(expression: str, **fields: Any) -> CronTrigger:
    return CronTrigger.model_validate({"type": "cron", "expression": expression} | fields)


BERLIN = {"time_zone": "Europe/Berlin"}
#: The expression, from when, to when, and what was due last.
DUE: dict[str, tuple[CronTrigger, str, str, str | None]] = {
    "now": (trigger("0 3 * * *"), "2026-03-10 02:59", "2026-03-10 03:00", "2026-03-10 03:00"),
    "not again": (trigger("0 3 * * *"), "2026-03-10 03:00", "2026-03-10 23:59", None),
    "not yet": (trigger("0 3 * * *"), "2026-03-10 02:58", "2026-03-10 02:59", None),
    "many, the latest": (
        trigger("*/5 * * * *"),
        "2026-03-10 00:00",
        "2026-03-12 10:07",
        "2026-03-12 10:05",
    ),
    "in a zone": (
        trigger("0 3 * * *", **BERLIN),
        "2026-03-10 01:59",
        "2026-03-10 02:00",
        "2026-03-10 02:00",
    ),
    "in summer": (
        trigger("0 3 * * *", **BERLIN),
        "2026-07-10 00:59",
        "2026-07-10 01:00",
        "2026-07-10 01:00",
    ),
    "the hour that is skipped": (
        trigger("30 2 * * *", **BERLIN),
        "2026-03-29 00:00",
        "2026-03-29 12:00",
        "2026-03-29 01:00",
    ),
    "the hour that comes twice, once": (
        trigger("30 2 * * *", **BERLIN),
        "2026-10-25 00:31",
        "2026-10-25 12:00",
        None,
    ),
    "before its start": (
        trigger("0 * * * *", start_time="2026-03-10T12:00:00"),
        "2026-03-10 00:00",
        "2026-03-10 11:59",
        None,
    ),
    "at its start": (
        trigger("0 * * * *", start_time="2026-03-10T12:00:00"),
        "2026-03-10 00:00",
        "2026-03-10 12:00",
        "2026-03-10 12:00",
    ),
    "at its end": (
        trigger("0 * * * *", end_time="2026-03-10T12:00:00"),
        "2026-03-10 11:30",
        "2026-03-10 15:00",
        "2026-03-10 12:00",
    ),
    "after its end": (
        trigger("0 * * * *", end_time="2026-03-10T12:00:00"),
        "2026-03-10 12:00",
        "2026-03-10 15:00",
        None,
    ),
    "its end on its own clock": (
        trigger("0 * * * *", end_time="2026-03-10T12:00:00", **BERLIN),
        "2026-03-10 11:00",
        "2026-03-10 11:30",
        None,
    ),
}


@pytest.mark.parametrize(("cron", "since", "now", "due"), DUE.values(), ids=DUE)
def test_what_was_due_last(cron: CronTrigger, since: str, now: str, due: str | None) -> None:
    assert latest_due(cron, utc(since), utc(now)) == (utc(due) if due else None)


@pytest.fixture
def hourly() -> Twins:
    twins = Twins()
    document = a_schedule({"type": "cron", "expression": "0 * * * *"}, "hourly")
    twins.product().schedules.put(document)
    twins.product().cron_triggers.tick()
    return twins


def tick(twins: Twins, hours: float) -> None:
    twins.clock.pass_by(hours * 3600)
    twins.product().cron_triggers.tick()


def test_a_tick_asks_once(hourly: Twins) -> None:
    tick(hourly, 1)
    tick(hourly, 0.5)
    (request,) = hourly.bus.requests
    assert request.at == utc("2026-03-10 13:00")
    assert (request.source.kind, request.source.schedule) == ("cron", "hourly")


def test_of_several_that_were_missed_the_latest_is_asked_for(hourly: Twins) -> None:
    tick(hourly, 5.5)
    assert [request.at for request in hourly.bus.requests] == [utc("2026-03-10 17:00")]


def test_a_long_silence_is_short_work(hourly: Twins) -> None:
    tick(hourly, 24 * 365)
    assert len(hourly.bus.requests) == 1


def test_two_instances_ask_for_one_run(hourly: Twins) -> None:
    note = dict(hourly.registry.documents)
    tick(hourly, 1)
    hourly.registry.documents = note  # the other one read it before the first wrote
    tick(hourly, timedelta(minutes=20) / timedelta(hours=1))
    requests = hourly.bus.requests
    assert len({request.run for request in requests}) == 1


def test_a_new_schedule_does_not_look_back(hourly: Twins) -> None:
    hourly.clock.pass_by(90 * 60)
    every = {"type": "cron", "expression": "0 * * * *"}
    hourly.product().schedules.put(a_schedule(every, "later"))
    hourly.product().cron_triggers.tick()
    assert {request.source.schedule for request in hourly.bus.requests} == {"hourly"}


def test_a_schedule_that_was_deleted_asks_for_nothing(hourly: Twins) -> None:
    hourly.product().schedules.delete("hourly")
    tick(hourly, 2)
    assert hourly.bus.requests == []
