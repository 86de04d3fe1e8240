"""The clock: what falls due, over changes of the clock, missed ticks and two instances."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.factories import a_schedule
from tests.simulation.twins.world import Twins


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def hourly() -> Twins:
    twins = Twins()
    document = a_schedule({"type": "cron", "expression": "0 * * * *"}, "hourly")
    twins.product().schedules.put(document)
    twins.product().timetable.tick()
    return twins


def tick(twins: Twins, hours: float) -> None:
    twins.clock.pass_by(hours * 3600)
    twins.product().timetable.tick()


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
    hourly.product().timetable.tick()
    assert {request.source.schedule for request in hourly.bus.requests} == {"hourly"}


def test_a_schedule_that_was_deleted_asks_for_nothing(hourly: Twins) -> None:
    hourly.product().schedules.delete("hourly")
    tick(hourly, 2)
    assert hourly.bus.requests == []
