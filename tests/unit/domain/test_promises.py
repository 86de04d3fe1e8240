"""What holds for a run whatever happens to it, in whatever order."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.events import Concluded, Event
from shared.domain.run import Run
from shared.domain.status import NEXT, Status
from shared.domain.transitions import advance
from tests.factories import (
    NOON,
    a_job,
    a_job_to_build,
    a_run,
    cancel_asked,
    retrying,
    taken_down,
)
from tests.unit.domain.histories import events

leaving = a_job(outputs={"model": {"type": "custom_model", "name": "model"}})
stubborn = a_job(retry={"max_attempts": 10, "on": ["timeout"], "exit_codes": [*range(1, 200)]})
fresh = st.sampled_from(
    (
        a_run(),
        a_run(job=a_job_to_build()),
        a_run(job=leaving),
        a_run(job=stubborn),
        retrying(),
        retrying(2),
    )
)
histories = st.lists(events, max_size=25)
thorough = settings(max_examples=60, deadline=None)


def lived(run: Run, history: list[Event]) -> list[Run]:
    """The run after each of the events; raises when one is met by an illegal move."""
    life = [run]
    for event in history:
        life.append(advance(life[-1], event).run)
    return life


@thorough
@given(fresh, histories)
def test_a_repeated_event_asks_for_the_same_again(run: Run, history: list[Event]) -> None:
    for event in history:
        first = advance(run, event)
        assert advance(first.run, event) == first
        run = first.run


@thorough
@given(fresh, histories)
def test_the_timeline_follows_the_table_and_time(run: Run, history: list[Event]) -> None:
    for now in lived(run, history):
        timeline = now.timeline
        assert timeline[-1].status is now.status
        for earlier, later in itertools.pairwise(timeline):
            assert later.status in NEXT[earlier.status]
            assert later.at >= earlier.at


@thorough
@given(fresh, histories)
def test_final_stays_final_and_asks_for_nothing(run: Run, history: list[Event]) -> None:
    life = lived(run, history)
    for before, now in itertools.pairwise(life):
        assert not before.final or now == before
        assert not now.final or now.pending == ()


@thorough
@given(fresh, histories)
def test_attempts_only_grow_one_by_one_and_are_bounded(run: Run, history: list[Event]) -> None:
    life = lived(run, history)
    for before, now in itertools.pairwise(life):
        assert now.attempt - before.attempt in (0, 1)
        assert now.attempt <= now.max_attempts
        assert now.heard_at >= before.heard_at


@thorough
@given(fresh, histories)
def test_each_attempt_that_is_over_is_told_once(run: Run, history: list[Event]) -> None:
    for now in lived(run, history):
        told = [one.number for one in now.attempts]
        on_compute = (Status.PROVISIONING, Status.PREPARING, Status.RUNNING)
        present = now.attempt if now.attempt and now.status in on_compute else now.attempt + 1
        assert told == [*range(run.attempt + 1, present)]


@thorough
@given(fresh, histories)
def test_a_run_that_leaves_has_its_verdict(run: Run, history: list[Event]) -> None:
    for now in lived(run, history):
        assert (now.verdict is not None) == (now.status is Status.FINALIZING)
        assert now.status is not Status.FAILED or now.problem is not None


@thorough
@given(fresh, histories)
def test_who_waits_for_us_always_has_something_pending(run: Run, history: list[Event]) -> None:
    """Else a nudge would find nothing to ask for, and the run would wait for ever."""
    for now in lived(run, history):
        leaving = now.status in (Status.FINALIZING, Status.CANCEL_REQUESTED, Status.QUEUED)
        building = now.status is Status.PREPARING and now.attempt == 0
        assert now.pending or not (leaving or building)


@thorough
@given(fresh, histories)
def test_cancelling_always_ends_it(run: Run, history: list[Event]) -> None:
    """One that had succeeded before is first concluded, as if nobody had cancelled it."""
    run = lived(run, history)[-1]
    run = advance(run, cancel_asked()).run
    run = advance(run, taken_down(run.attempt)).run
    run = advance(run, Concluded(id="concluded", at=NOON, attempt=run.attempt)).run
    assert run.final
