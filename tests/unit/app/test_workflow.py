"""A step: load, decide, save, act; and what the acts come to, done once or twice."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.app.observing import LOOKS, MARKER
from shared.app.orders import order_for
from shared.domain.errors import Conflict, Transient
from shared.domain.events import (
    AttemptEnded,
    AttemptPending,
    Event,
    ImageFailed,
    ImagePending,
    ImageReady,
    Nudged,
    RetryDue,
    TakenDown,
)
from shared.domain.run import Run, Verdict
from shared.domain.status import Status
from shared.ports.compute import Report
from shared.ports.files import OUTPUTS
from shared.ports.runs import Stored
from shared.wiring import built
from tests.factories import (
    OUT_OF_QUOTA,
    RUN,
    a_job_to_build,
    a_run,
    after,
    cancel_asked,
    ended,
    requested,
    taken_down,
)
from tests.simulation.twins.attempts import Fate
from tests.simulation.twins.world import Twins, handled

S = Status
AGAIN = Verdict(S.QUEUED, OUT_OF_QUOTA)


def a_world(run: Run) -> Twins:
    twins = Twins()
    twins.runs.create(run)
    return twins


def handle(twins: Twins, event: Event) -> Run:
    """The run after the event."""
    twins.product().workflow.handle(RUN, event)
    return twins.runs.load(RUN).run


def test_from_request_to_compute() -> None:
    twins = a_world(a_run())
    assert handle(twins, requested()).status is S.PROVISIONING
    assert [*twins.compute.made] == [f"{RUN}-1"]


def test_an_event_delivered_again_does_it_again_and_writes_nothing() -> None:
    twins = a_world(a_run())
    run = handle(twins, requested())
    etag = twins.runs.load(RUN).etag
    twins.compute.made.clear()  # as if it had died before it acted
    assert handle(twins, requested()) == run
    assert twins.runs.load(RUN).etag == etag
    assert [*twins.compute.made] == [f"{RUN}-1"]


def test_an_event_for_no_run_is_dropped() -> None:
    Twins().product().workflow.handle(RUN, requested())


def test_whoever_lost_the_race_touches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    twins = a_world(a_run())
    stale = Stored(a_run(), "0x0")
    monkeypatch.setattr(twins.runs, "load", lambda name: stale)
    with pytest.raises(Conflict):
        twins.product().workflow.handle(RUN, requested())
    assert not twins.compute.made


def test_a_run_whose_event_waited_long_was_heard_of_now() -> None:
    """Else the watch would take a run for lost whose compute is just being made."""
    twins = a_world(a_run())
    twins.clock.pass_by(600)
    assert handle(twins, requested()).heard_at == after(600)
    twins.compute.made.clear()
    twins.product().watch.tick()
    assert twins.bus.events(RUN) == []


def test_what_batch_refuses_fails_the_run() -> None:
    twins = a_world(a_run())
    twins.compute.fate_of = lambda key: Fate(ending="refused")
    handle(twins, requested())
    (event,) = twins.bus.events(RUN)
    assert isinstance(event, AttemptEnded)
    assert event.problem is not None
    assert (event.cause, event.problem.code) == ("configuration", "InvalidPropertyValue")


def test_compute_is_taken_down_and_told_once() -> None:
    twins = a_world(a_run(S.RUNNING))
    twins.compute.provision(order_for(a_run(S.RUNNING)))
    for _ in range(2):
        handle(twins, ended())
    assert [type(event) for event in twins.bus.events(RUN)] == [TakenDown]
    assert twins.compute.made[f"{RUN}-1"].deleted_at is not None


def test_a_nudge_tells_it_anew_although_the_bus_saw_the_first() -> None:
    twins = a_world(a_run(S.RUNNING))
    handle(twins, ended())
    twins.bus.clear()  # to the dead letters, say
    handle(twins, Nudged(id=f"{RUN}-nudged-w1", at=after(200)))
    assert [type(event) for event in twins.bus.events(RUN)] == [TakenDown]


@pytest.mark.parametrize("event", [cancel_asked(), ended("timeout")], ids=["cancel", "timeout"])
def test_the_log_of_a_task_that_is_killed_is_kept(event: Event) -> None:
    twins = a_world(a_run(S.RUNNING))
    twins.compute.provision(order_for(a_run(S.RUNNING)))
    twins.clock.pass_by(3)
    twins.files.write(OUTPUTS, f"{RUN}/1/stderr.txt", b"kept already")
    handle(twins, event)
    assert twins.files.read(OUTPUTS, f"{RUN}/1/stdout.txt") == b"hello\n"
    assert twins.files.read(OUTPUTS, f"{RUN}/1/stderr.txt") == b"kept already"


def test_of_a_run_that_is_canceled_it_stays_known_when_it_began() -> None:
    twins = a_world(a_run(S.PROVISIONING))  # the watch has not seen it run
    twins.compute.provision(order_for(a_run(S.PROVISIONING)))
    twins.clock.pass_by(3)
    report = twins.compute.report(f"{RUN}-1")
    assert report is not None
    assert report.phase == "running"
    handle(twins, cancel_asked(twins.clock.now))
    (event,) = twins.bus.events(RUN)
    run = handle(twins, event)
    assert run.started_at == report.started_at
    (attempt,) = run.attempts
    assert (attempt.cause, attempt.started_at) == ("canceled", report.started_at)
    assert [moment.status for moment in run.timeline][-3:] == [
        S.RUNNING, S.CANCEL_REQUESTED, S.CANCELED,
    ]  # fmt: skip


def test_a_run_is_canceled_even_if_nobody_says_how_far_it_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    twins = a_world(a_run(S.RUNNING))
    twins.compute.provision(order_for(a_run(S.RUNNING)))

    def refuse(key: str) -> Report | None:
        raise Transient(key)

    monkeypatch.setattr(type(twins.compute), "report", lambda _, key: refuse(key))
    handle(twins, cancel_asked())
    (event,) = twins.bus.events(RUN)
    assert handle(twins, event).status is S.CANCELED
    assert twins.compute.made[f"{RUN}-1"].deleted_at is not None


def test_the_next_attempt_comes_when_it_is_due() -> None:
    twins = a_world(a_run(S.FINALIZING, verdict=AGAIN))
    handle(twins, taken_down(at=after(5)))
    (event,) = twins.bus.events(RUN)
    assert isinstance(event, RetryDue)
    assert (event.attempt, event.at) == (2, after(20))
    assert twins.bus.messages[0].visible_at == after(20)


def test_an_image_is_built_once_and_looked_for() -> None:
    twins = a_world(a_run(job=a_job_to_build()))
    twins.images.takes = timedelta(seconds=3)
    handle(twins, requested())
    (pending,) = twins.bus.events(RUN)
    assert isinstance(pending, ImagePending)
    twins.clock.pass_by(4)
    handle(twins, pending)
    ready = twins.bus.events(RUN)[-1]
    assert isinstance(ready, ImageReady)
    assert handle(twins, ready).image == ready.image
    assert twins.images.builds == 1


def test_an_image_that_can_not_be_built_leaves_its_log() -> None:
    twins = a_world(a_run(job=a_job_to_build()))
    twins.images.takes = timedelta(seconds=1)
    twins.images.failing.add(a_job_to_build().environment.key)
    handle(twins, requested())
    twins.clock.pass_by(2)
    handle(twins, ImagePending(id="look", at=after(1), look=1))
    failed = twins.bus.events(RUN)[-1]
    assert isinstance(failed, ImageFailed)
    assert "no such package" in failed.problem.message
    run = handle(twins, failed)
    assert (run.status, run.problem) == (S.FAILED, failed.problem)
    paths = [file.path for file in twins.product().queries.outputs(RUN)]
    assert paths == ["logs/environment-build.log"]


def landed(path: str, fate: Fate, seconds: float = 0) -> list[Event]:
    """What a blob in container `outputs` tells the run."""
    twins = a_world(a_run(S.RUNNING))
    twins.compute.fate_of = lambda key: fate
    twins.compute.provision(order_for(a_run(S.RUNNING)))
    twins.clock.pass_by(seconds)
    twins.product().observer.landed(path)
    return twins.bus.events(RUN)


def test_the_marker_tells_that_the_attempt_is_over() -> None:
    (event,) = landed(f"{RUN}/1/{MARKER}", Fate(), 60)
    assert isinstance(event, AttemptEnded)
    assert (event.cause, event.started_at) == ("none", after(2))


def test_a_marker_before_the_end_is_looked_at_again() -> None:
    twins = a_world(a_run(S.RUNNING))
    twins.compute.provision(order_for(a_run(S.RUNNING)))
    twins.product().observer.landed(f"{RUN}/1/{MARKER}")
    (event,) = twins.bus.events(RUN)
    assert isinstance(event, AttemptPending)
    twins.clock.pass_by(60)
    handle(twins, event)
    assert isinstance(twins.bus.events(RUN)[-1], AttemptEnded)


@pytest.mark.parametrize(
    "path",
    [f"{RUN}/1/outputs/ended", f"{RUN}/1/outputs/a/ended", f"{RUN}/x/ended", "mine/1/ended"],
)
def test_a_file_of_the_scripts_own_is_no_marker(path: str) -> None:
    """The trigger's pattern fits them too: a capture takes slashes."""
    assert landed(path, Fate(), 60) == []


def test_a_marker_that_comes_after_all_is_over_changes_nothing() -> None:
    twins = a_world(a_run(S.COMPLETED))
    twins.product().observer.landed(f"{RUN}/1/{MARKER}")
    (event,) = twins.bus.events(RUN)
    assert handle(twins, replace(event, id="late")).status is S.COMPLETED


def test_a_clock_that_is_behind_does_not_look_for_ever() -> None:
    twins = Twins()
    twins.compute.fate_of = lambda key: Fate(running=10**6)
    run = a_run(Status.RUNNING)
    twins.runs.create(run)
    twins.compute.provision(order_for(run))
    behind = built(replace(twins.ports, now=lambda: twins.clock.now - timedelta(seconds=30)))
    behind.observer.observe(RUN, 1)
    while due := [m for m in twins.bus.messages if m.visible_at <= twins.clock.now]:
        twins.bus.messages.remove(due[0])
        handled(behind, due[0])
    assert twins.compute.reports[run.key] == LOOKS + 1
    assert twins.bus.messages == [], "the watch does the rest"
