"""Files that wait for others: when they become a run, and which of them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import Conflict, Invalid, NotFound
from shared.domain.gathering import Gathering
from shared.domain.requests import TrainingRequest
from shared.domain.status import Status
from shared.ports.files import DATA, SNAPSHOTS
from tests.factories import NOON, a_run, a_schedule, after
from tests.simulation.twins.world import Twins

LIST = {"list": {"type": "uri_file", "path": "${{trigger.paths}}"}}
QUIET = {"type": "data", "path": "in/**", "quiet_period": 30}


def gathering(**fields: Any) -> Gathering:
    plain: dict[str, Any] = {"quiet": timedelta(0), "longest": None, "least": 1, "most": 100}
    return Gathering(**(plain | fields))


HALF = timedelta(seconds=30)
#: How files are gathered, when they landed, in seconds, and when they are a run.
DUE: dict[str, tuple[Gathering, list[float], float | None]] = {
    "each at once": (gathering(), [5], 5),
    "after quiet": (gathering(quiet=HALF), [0, 10, 5], 41),
    "quiet never comes": (gathering(quiet=HALF, longest=HALF * 3), [0, 20, 45, 70, 89], 90),
    "enough of them": (gathering(least=3), [0, 7, 9], 9),
    "too few": (gathering(least=3), [0, 7], None),
    "too few for too long": (gathering(least=3, longest=HALF), [0, 7], 30),
    "enough, and quiet": (gathering(least=2, quiet=HALF), [0, 7], 38),
    "nobody says that they are all": (gathering(marked=True), [0, 7], None),
    "nobody ever says it": (gathering(marked=True, longest=HALF), [0, 7], 30),
    "more than a run takes": (gathering(quiet=HALF, most=3), [2, 1, 3], 1),
}


@pytest.mark.parametrize(("rules", "landed", "due"), DUE.values(), ids=DUE)
def test_when_files_are_a_run(rules: Gathering, landed: list[float], due: float | None) -> None:
    assert rules.due([*map(after, landed)]) == (None if due is None else after(due))


@pytest.fixture
def twins() -> Twins:
    return Twins()


def put(twins: Twins, trigger: dict[str, Any], **job: Any) -> None:
    twins.product().schedules.put(a_schedule(trigger, "gather", **{"inputs": LIST, **job}))


def upload(twins: Twins, *paths: str, content: str = "") -> None:
    for path in paths:
        twins.files.write(DATA, path, (content or path).encode())
        twins.product().file_triggers.landed(path)


def asked(twins: Twins) -> list[TrainingRequest]:
    return twins.bus.requests


def test_ten_files_at_once_are_one_run(twins: Twins) -> None:
    put(twins, QUIET)
    upload(twins, *(f"in/week/{number}.csv" for number in range(10)))
    twins.settle(20)
    assert asked(twins) == []
    twins.settle(30)
    (name,) = twins.runs.records
    run = twins.runs.load(name).run
    assert (run.source.kind, run.source.files, run.source.path) == ("data", 10, "in/week/0.csv")
    assert [*run.source.paths] == [f"in/week/{number}.csv" for number in range(10)]
    place = str(run.job.inputs["list"]).partition("workspaceworkingdirectory/paths/")[2]
    text = twins.files.read(SNAPSHOTS, place.split("'")[0].split(" ")[0])
    assert text.decode().splitlines() == [f"in/week/{number}.csv" for number in range(10)]


def test_each_file_begins_the_quiet_anew_until_patience_ends(twins: Twins) -> None:
    put(twins, QUIET | {"max_wait": 60})
    for number in range(5):
        upload(twins, f"in/{number}")
        twins.settle(20)
    (name, *_) = sorted(twins.runs.records)
    run = twins.runs.load(name).run
    assert run.created_at - NOON == timedelta(seconds=60)
    assert [*run.source.paths] == ["in/0", "in/1", "in/2", "in/3"][: run.source.files]


def test_an_event_that_is_told_twice_and_late_is_nothing_new(twins: Twins) -> None:
    put(twins, QUIET)
    upload(twins, "in/a")
    twins.product().file_triggers.landed("in/a")
    twins.settle(40)
    twins.product().file_triggers.landed("in/a")
    twins.settle(120)
    twins.product().timetable.tick()
    assert len(twins.runs.records) == 1


def test_what_nobody_should_train_on(twins: Twins) -> None:
    put(twins, QUIET)
    twins.files.write(DATA, "in/empty.csv", b"")
    twins.product().file_triggers.landed("in/empty.csv")
    upload(twins, "in/a.tmp", "in/_b", "in/.c", "in/gone", "in/d")
    del twins.files.blobs[DATA, "in/gone"]
    twins.settle(60)
    (name,) = twins.runs.records
    assert twins.runs.load(name).run.source.paths == ("in/d",)


def test_a_file_written_again_meanwhile_is_in_the_run_once(twins: Twins) -> None:
    put(twins, QUIET)
    upload(twins, "in/a", content="1")
    upload(twins, "in/a", content="2")
    twins.settle(60)
    twins.product().timetable.tick()
    (name,) = twins.runs.records
    assert twins.runs.load(name).run.source.files == 1
    assert twins.registry.entries("waiting") == []


def test_when_the_message_is_lost_the_clock_sees_to_it(twins: Twins) -> None:
    put(twins, QUIET)
    upload(twins, "in/a")
    twins.bus.clear()
    twins.clock.pass_by(90)
    twins.product().timetable.tick()
    assert len(asked(twins)) == 1


def test_so_many_files_are_a_run(twins: Twins) -> None:
    put(twins, {"type": "data", "path": "in/*", "min_files": 3})
    upload(twins, "in/a", "in/b")
    assert asked(twins) == []
    upload(twins, "in/c")
    assert [request.source.files for request in asked(twins)] == [3]
    upload(twins, "in/d")
    assert len(asked(twins)) == 1


def test_a_marker_completes_what_is_in_its_folder_events_or_not(twins: Twins) -> None:
    put(twins, {"type": "data", "path": "out/*/*.parquet", "when": "_SUCCESS"})
    upload(twins, "out/a/1.parquet", "out/b/1.parquet")
    twins.files.write(DATA, "out/a/2.parquet", b"its event is late")
    twins.files.write(DATA, "out/a/_SUCCESS", b"")
    twins.product().file_triggers.landed("out/a/_SUCCESS")
    (request,) = asked(twins)
    assert request.source.paths == ("out/a/1.parquet", "out/a/2.parquet")
    twins.product().file_triggers.landed("out/a/2.parquet")
    twins.product().file_triggers.landed("out/a/_SUCCESS")
    twins.settle(120)
    assert len(twins.runs.records) == 1


def test_queued_files_gather_while_a_run_is_under_way(twins: Twins) -> None:
    put(twins, {"type": "data", "path": "in/*", "concurrency": "queue"})
    upload(twins, "in/a")
    (first,) = asked(twins)
    upload(twins, "in/b", "in/c")
    assert asked(twins) == [first]
    end(twins, first.run)
    twins.clock.pass_by(60)
    twins.product().timetable.tick()
    assert [request.source.paths for request in asked(twins)][1:] == [("in/b", "in/c")]


@pytest.mark.parametrize("policy", ["skip", "replace"])
def test_skipped_and_replaced(policy: str, twins: Twins) -> None:
    put(twins, {"type": "data", "path": "in/*", "concurrency": policy})
    upload(twins, "in/a", "in/b")
    first, *others = asked(twins)
    assert len(others) == (policy == "replace")
    told = [event.kind for event in twins.bus.events(first.run)]
    assert ("cancel_asked" in told) == (policy == "replace")
    end(twins, first.run)
    twins.product().file_triggers.landed("in/b")
    assert len(asked(twins)) == 1 + len(others)
    for other in others:
        end(twins, other.run)
    upload(twins, "in/c")
    assert len(asked(twins)) == 2 + len(others)


def end(twins: Twins, name: str) -> None:
    run = twins.runs.load(name)
    done = a_run(Status.COMPLETED, name=name)
    twins.runs.save(replace(done, source=run.run.source), run.etag)


def test_replacing_a_schedule_keeps_what_waits(twins: Twins) -> None:
    put(twins, QUIET)
    upload(twins, "in/a")
    put(twins, QUIET, display_name="new")
    twins.settle(60)
    assert len(twins.runs.records) == 1
    put(twins, QUIET | {"quiet_period": 0})
    twins.product().file_triggers.landed("in/a")
    assert len(twins.runs.records) == 1


def test_deleting_a_schedule_lets_what_waits_go(twins: Twins) -> None:
    put(twins, QUIET)
    upload(twins, "in/a")
    twins.product().schedules.delete("gather")
    for _ in range(4):
        twins.settle(30)
        twins.product().timetable.tick()
    assert twins.runs.records == {}
    assert twins.registry.entries("due") == []
    assert twins.registry.entries("waiting") == []


def test_a_disabled_schedule_waits_with_its_files(twins: Twins) -> None:
    put(twins, QUIET)
    upload(twins, "in/a")
    twins.product().schedules.enable("gather", enabled=False)
    upload(twins, "in/b")
    twins.settle(60)
    assert twins.runs.records == {}
    twins.product().schedules.enable("gather", enabled=True)
    twins.clock.pass_by(60)
    twins.product().timetable.tick()
    assert [request.source.paths for request in asked(twins)] == [("in/a",)]


def test_somebody_elses_window_is_a_conflict_and_no_second_run(twins: Twins) -> None:
    put(twins, QUIET)
    upload(twins, "in/a")
    twins.clock.pass_by(60)
    save = twins.registry.save

    def slow(kind: str, name: str, document: Any, etag: str | None) -> str:
        if kind == "windows":
            twins.registry.save = save  # type: ignore[method-assign]
            twins.product().windows.look("gather")
        return save(kind, name, document, etag)

    twins.registry.save = slow  # type: ignore[method-assign]
    with pytest.raises(Conflict):
        twins.product().windows.look("gather")
    assert len(asked(twins)) == 1


def test_texts_of_paths_fit_a_value_and_the_rest_is_the_next_run(twins: Twins) -> None:
    put(twins, QUIET, inputs={}, command="echo ${{trigger.paths}} ${{trigger.folder}}")
    names = [f"in/{number:03}{'x' * 200}" for number in range(170)]
    upload(twins, *names)
    twins.clock.pass_by(60)
    twins.product().windows.look("gather")
    twins.clock.pass_by(60)
    twins.product().windows.look("gather")
    first, second = asked(twins)
    assert first.source.files + second.source.files == 170
    assert first.job.inputs["trigger_paths"].text.splitlines() == names[: first.source.files]  # type: ignore[union-attr]
    assert first.job.inputs["trigger_folder"].text == "in"  # type: ignore[union-attr]


def test_by_hand_the_files_that_wait_are_the_runs(twins: Twins) -> None:
    put(twins, QUIET)
    upload(twins, "in/a", "in/b")
    run = twins.product().by_hand.trigger("gather", None, "key")
    assert run.source.paths == ("in/a", "in/b")
    with pytest.raises(Invalid, match="No file waits"):
        twins.product().by_hand.trigger("gather", None, "key-2")


@pytest.mark.parametrize("policy", ["queue", "skip", "parallel"])
def test_by_hand_is_beside_what_is_under_way(policy: str, twins: Twins) -> None:
    put(twins, QUIET | {"concurrency": policy})
    upload(twins, "in/a")
    first = twins.product().by_hand.trigger("gather", None, "key")
    assert twins.product().by_hand.trigger("gather", None, "key").name == first.name
    upload(twins, "in/b")
    second = twins.product().by_hand.trigger("gather", None, "key-2")
    assert (first.source.paths, second.source.paths) == (("in/a",), ("in/b",))


def test_by_hand_a_name_that_can_be_no_input_is_refused(twins: Twins) -> None:
    put(twins, QUIET, inputs={"file": {"type": "uri_file", "path": "${{trigger.path}}"}})
    twins.files.write(DATA, "in/a\\b", b"1")
    with pytest.raises(Invalid, match="backslash"):
        twins.product().by_hand.trigger("gather", "in/a\\b", None)


def test_by_hand_a_file_that_is_named_is_the_runs(twins: Twins) -> None:
    put(twins, QUIET, inputs={"file": {"type": "uri_file", "path": "${{trigger.path}}"}})
    with pytest.raises(NotFound):
        twins.product().by_hand.trigger("gather", "in/old", None)
    twins.files.write(DATA, "in/old", b"1")
    run = twins.product().by_hand.trigger("gather", "in/old", "key")
    assert run.source.path == "in/old"
    twins.clock.pass_by(5)
    assert twins.product().by_hand.trigger("gather", "in/old", "key").name == run.name
