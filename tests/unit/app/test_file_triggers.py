"""Files that land: which of them start a run, and which start none."""

from datetime import timedelta

import pytest

from shared.domain.status import Status
from shared.ports.files import DATA
from tests.factories import a_run, a_schedule
from tests.simulation.twins.world import Twins

ON_WINE = {"type": "data", "path": "wine/*.csv"}
INPUTS = {"wine": {"type": "uri_file", "path": "${{trigger.path}}"}}


@pytest.fixture
def twins() -> Twins:
    twins = Twins()
    twins.product().schedules.put(a_schedule(ON_WINE, inputs=INPUTS))
    return twins


def upload(twins: Twins, content: bytes = b"1,2", path: str = "wine/new.csv") -> list[str]:
    """Put a file; returns the runs that are asked for."""
    twins.clock.pass_by(1)
    twins.files.write(DATA, path, content)
    return [*twins.product().file_triggers.landed(path)]


def admit(twins: Twins) -> None:
    for request in twins.bus.requests:
        twins.product().admission.admit(request)
    twins.bus.clear()


def test_a_file_that_fits_asks_for_a_run(twins: Twins) -> None:
    (name,) = upload(twins)
    (request,) = twins.bus.requests
    assert request.run == name
    assert (request.source.kind, request.source.schedule) == ("data", "wine")
    assert request.source.path == "wine/new.csv"
    assert "paths/wine/new.csv" in str(request.job.inputs["wine"])


@pytest.mark.parametrize("path", ["wine/old/new.csv", "wine/new.txt", "beer/new.csv"])
def test_a_file_that_does_not_fit_asks_for_nothing(twins: Twins, path: str) -> None:
    assert upload(twins, path=path) == []
    assert twins.bus.requests == []


def test_an_empty_file_asks_for_nothing(twins: Twins) -> None:
    assert upload(twins, b"") == []


def test_a_file_that_is_gone_again_asks_for_nothing(twins: Twins) -> None:
    assert twins.product().file_triggers.landed("wine/gone.csv") == []


def test_the_same_event_twice_is_one_request(twins: Twins) -> None:
    upload(twins)
    assert [*twins.product().file_triggers.landed("wine/new.csv")] == []
    assert len(twins.bus.requests) == 1


def test_the_same_event_again_after_the_bus_forgot_is_the_same_run(twins: Twins) -> None:
    upload(twins)
    admit(twins)
    twins.clock.pass_by(3600)
    twins.product().file_triggers.landed("wine/new.csv")
    admit(twins)
    assert len(twins.runs.records) == 1


def test_the_same_content_again_asks_for_nothing(twins: Twins) -> None:
    upload(twins)
    admit(twins)
    assert upload(twins) == []


def test_the_same_content_at_once_asks_for_nothing(twins: Twins) -> None:
    """The first request is still in the queue: there is no run yet that could be looked at."""
    upload(twins)
    assert upload(twins) == []


def test_a_request_whose_message_was_lost_is_a_run_for_the_watch_to_start(twins: Twins) -> None:
    (name,) = upload(twins)
    twins.bus.clear()
    twins.clock.pass_by(timedelta(hours=1).total_seconds())
    twins.product().watch.tick()
    assert upload(twins) == []
    assert [event.kind for event in twins.bus.events(name)] == ["requested"]


def test_new_content_and_the_old_content_back_again_ask_each_time(twins: Twins) -> None:
    for content in (b"1", b"2", b"1"):
        assert len(upload(twins, content)) == 1
        admit(twins)
    assert len(twins.runs.records) == 3


@pytest.mark.parametrize(("status", "again"), [("Failed", 1), ("Canceled", 1), ("Completed", 0)])
def test_the_same_content_after_the_run_ended(twins: Twins, status: str, again: int) -> None:
    (name,) = upload(twins)
    twins.runs.save(a_run(Status(status), name=name), twins.runs.load(name).etag)
    assert len(upload(twins)) == again


def test_each_schedule_that_fits_asks_for_its_own(twins: Twins) -> None:
    twins.product().schedules.put(a_schedule({"type": "data", "path": "**"}, name="all"))
    twins.product().schedules.put(a_schedule({"type": "cron", "expression": "* * * * *"}, "clock"))
    assert len(upload(twins)) == 2


def test_ten_files_are_ten_runs(twins: Twins) -> None:
    names = [upload(twins, b"same", f"wine/{number}.csv")[0] for number in range(10)]
    assert len({*names}) == len(twins.bus.requests) == 10


def test_a_name_that_can_be_no_input_asks_for_nothing(twins: Twins) -> None:
    assert upload(twins, path="wine/a\\b.csv") == []
