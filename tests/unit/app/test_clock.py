"""The clock: what falls due, over changes of the clock, missed ticks and two instances."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.app.admission import Admission
from shared.app.agenda import WRITTEN, Due
from shared.domain.errors import Transient
from shared.domain.keys import digest
from shared.domain.requests import TrainingRequest
from shared.domain.run import Run
from shared.domain.status import Status
from shared.ports.files import DATA
from shared.wiring import built
from tests.factories import NOON, a_schedule
from tests.simulation.faults import Faults
from tests.simulation.luck import Luck
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


MINUTELY = {"type": "cron", "expression": "*/10 * * * *"}


def start(trigger: dict[str, Any], **fields: Any) -> Twins:
    twins = Twins()
    document = a_schedule(trigger, "clock")
    twins.product().schedules.put({**document, **fields})
    twins.product().timetable.tick()
    return twins


def due(twins: Twins) -> list[str]:
    return sorted(f"{request.at:%H:%M}" for request in twins.bus.requests)


@pytest.mark.parametrize(
    ("catch_up", "asked"),
    [("none", []), ("last", ["12:50"]), ("all", ["12:10", "12:20", "12:30", "12:40", "12:50"])],
)
def test_what_passed_while_nothing_ran(catch_up: str, asked: list[str]) -> None:
    twins = start({**MINUTELY, "catch_up": catch_up})
    tick(twins, 56 / 60)
    assert due(twins) == asked
    tick(twins, 5 / 60)
    assert due(twins) == [*asked, "13:00"]


def test_all_that_passed_is_bounded() -> None:
    twins = start({"type": "cron", "expression": "* * * * *", "catch_up": "all"})
    tick(twins, 10)
    assert len(due(twins)) == 100
    assert due(twins)[-1] == "22:00"


def end_all(twins: Twins) -> None:
    for name in [*twins.runs.records]:
        stored = twins.runs.load(name)
        if not stored.run.final:
            twins.runs.save(stored.run.to(Status.CANCELED, twins.clock.now), stored.etag)


def test_a_time_that_is_queued_waits_for_the_run_before() -> None:
    twins = start({**MINUTELY, "concurrency": "queue", "catch_up": "all"})
    tick(twins, 10 / 60)
    tick(twins, 20 / 60)
    assert due(twins) == ["12:10"]
    for expected in (["12:10", "12:20"], ["12:10", "12:20", "12:30"]):
        end_all(twins)
        tick(twins, 1 / 60)
        assert due(twins) == expected


def test_a_time_that_is_skipped_is_not_made_up() -> None:
    twins = start({**MINUTELY, "concurrency": "skip"})
    tick(twins, 10 / 60)
    tick(twins, 10 / 60)
    end_all(twins)
    tick(twins, 5 / 60)
    assert due(twins) == ["12:10"]
    tick(twins, 5 / 60)
    assert due(twins) == ["12:10", "12:30"]


def test_a_run_that_is_replaced_is_canceled() -> None:
    twins = start({**MINUTELY, "concurrency": "replace"})
    tick(twins, 10 / 60)
    tick(twins, 10 / 60)
    first, second = sorted(twins.runs.records)
    assert [event.kind for event in twins.bus.events(first)] == ["cancel_asked"]
    assert twins.bus.events(second) == []


def test_disabled_it_starts_nothing_and_enabled_it_makes_nothing_up() -> None:
    twins = start(MINUTELY)
    twins.product().schedules.enable("clock", enabled=False)
    tick(twins, 25 / 60)
    assert due(twins) == []
    twins.product().schedules.enable("clock", enabled=True)
    tick(twins, 6 / 60)
    assert due(twins) == ["12:30"]


def test_written_as_disabled_it_starts_nothing() -> None:
    twins = start(MINUTELY, is_enabled=False)
    tick(twins, 1)
    assert due(twins) == []


def test_replaced_between_a_time_and_its_tick_nothing_is_lost_or_doubled() -> None:
    twins = start(MINUTELY)
    twins.clock.pass_by(605)
    twins.product().schedules.put(a_schedule(MINUTELY, "clock", display_name="new"))
    twins.product().timetable.tick()
    assert due(twins) == ["12:10"]


def test_a_process_that_died_while_it_wrote_a_schedule() -> None:
    twins = Twins()
    agenda = twins.product().schedules.agenda
    twins.product().schedules.put(a_schedule(MINUTELY, "clock"))
    for one in agenda.all():
        agenda.done(one)
    agenda.add(Due(twins.clock.now, "clock", f"{WRITTEN}-x"))  # all that it left
    twins.product().timetable.tick()
    tick(twins, 10 / 60)
    assert due(twins) == ["12:10"]
    tick(twins, 1 / 60)
    assert not [one for one in agenda.all() if one.tag.startswith(WRITTEN)]


def test_an_agenda_that_is_lost_is_made_anew() -> None:
    twins = start(MINUTELY)
    twins.product().schedules.put(a_schedule({"type": "data", "path": "in/*"}, "data"))
    for kind in ("due", "watched", "clock"):
        for entry in twins.registry.entries(kind):
            twins.registry.delete(kind, entry.name)
    tick(twins, 5 / 60)
    tick(twins, 5 / 60)
    assert due(twins) == ["12:10"]
    assert twins.product().schedules.watched.concerned("in/x") == ["data"]


def test_a_version_before_agendas_is_taken_over() -> None:
    twins = Twins()
    schedule = a_schedule(MINUTELY, "clock")
    record = {"created_at": NOON.isoformat(), "schedule": schedule}
    twins.registry.put("schedules", "clock", record)
    twins.registry.put("clock", "cron", {"until": NOON.isoformat()})
    tick(twins, 34 / 60)
    tick(twins, 1 / 60)
    assert due(twins) == ["12:30"]
    on_data = a_schedule({"type": "data", "path": "in/*"}, "data")
    twins.registry.put("schedules", "data", {**record, "schedule": on_data})
    twins.registry.delete("watched", "generation")
    twins.files.write(DATA, "in/x", b"1")
    assert len(twins.product().file_triggers.landed("in/x")) == 1


def test_one_schedule_that_fails_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    twins = start(MINUTELY)
    twins.product().schedules.put(a_schedule(MINUTELY, "other"))
    submit = Admission.submit

    def fails(self: Admission, request: TrainingRequest) -> Run:
        if request.source.schedule == "clock":
            raise Transient("Blob Storage timed out.")
        return submit(self, request)

    monkeypatch.setattr(Admission, "submit", fails)
    with pytest.raises(Transient, match="1 schedules"):
        tick(twins, 10 / 60)
    assert [request.source.schedule for request in twins.bus.requests] == ["other"]
    monkeypatch.undo()
    tick(twins, 1 / 60)
    assert len(twins.bus.requests) == 2


def test_a_tick_reads_no_more_for_a_thousand_schedules_than_for_one() -> None:
    def calls(schedules: int) -> int:
        twins = Twins()
        for number in range(schedules):
            yearly = {"type": "cron", "expression": f"{number % 60} 3 1 1 *"}
            twins.product().schedules.put(a_schedule(yearly, f"s{number}"))
        twins.product().timetable.tick()
        faults = Faults(Luck(1), rate=0, stalls=0)
        twins.clock.pass_by(60)
        built(faults.around(twins.ports)).timetable.tick()
        return faults.calls

    assert calls(300) == calls(1) <= 5


def test_what_was_remembered_of_events_is_let_go() -> None:
    twins = Twins()
    for number in range(40):
        for kind in ("asked", "landed"):
            twins.registry.put(kind, digest(str(number)), {"at": NOON.isoformat()})
    twins.clock.pass_by(timedelta(days=15).total_seconds())
    for _ in range(256):
        twins.product().timetable.tick()
        twins.clock.pass_by(60)
    assert twins.registry.entries("asked") == []
    assert len(twins.registry.entries("landed")) == 40
    twins.clock.pass_by(timedelta(days=170).total_seconds())
    for _ in range(256):
        twins.product().timetable.tick()
        twins.clock.pass_by(60)
    assert twins.registry.entries("landed") == []


def test_literals_may_ask_for_the_runs_name_and_its_time() -> None:
    twins = Twins()
    inputs = {"when": "at ${{creation_context.trigger_time}}", "who": "${{name}}", "n": 1}
    twins.product().schedules.put(a_schedule(MINUTELY, "clock", inputs=inputs))
    tick(twins, 10 / 60)
    (request,) = twins.bus.requests
    assert {name: item.text for name, item in request.job.inputs.items()} == {  # type: ignore[union-attr]
        "when": "at 2026-03-10T12:10:00Z",
        "who": request.run,
        "n": "1",
    }
    run = twins.product().by_hand.trigger("clock", None, None)
    assert run.job.inputs["who"].text == run.name  # type: ignore[union-attr]


def test_what_fell_off_the_agenda_is_missed_within_a_day() -> None:
    twins = start({"type": "cron", "expression": "0 0 * * *"})
    on_data = {"type": "data", "path": "in/*"}
    for name in ("data", "lost"):
        twins.product().schedules.put(a_schedule(on_data, name))
    watched = twins.product().schedules.watched
    watched.keep(None, twins.product().schedules.get("lost").schedule, twins.clock.now)
    for entry in twins.registry.entries("due"):
        twins.registry.delete("due", entry.name)
    tick(twins, 24)
    tick(twins, 1 / 60)
    assert [f"{request.at:%d %H:%M}" for request in twins.bus.requests] == ["11 00:00"]
    assert watched.concerned("in/x") == ["data", "lost"]
    assert len(twins.registry.entries("due")) == 1
