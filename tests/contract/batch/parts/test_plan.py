"""When a schedule's jobs are due, minute by minute."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.local.batch.plan import Plan

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


HOURLY = Plan(interval=minutes(60))
NARROW = Plan(interval=minutes(60), window=minutes(5))
ONCE = Plan(not_before=at(10))
BRIEF = Plan(not_before=at(10), window=minutes(5))
UNTIL_TWO = Plan(interval=minutes(60), not_after=at(120))

#: plan, occurrence, now, busy; then the step, the occurrence it speaks of, when to look again
TURNS: dict[str, tuple[Plan, float, float, bool, str, float | None, float | None]] = {
    "not yet": (HOURLY, 10, 5, False, "wait", 10, 10),
    "now": (HOURLY, 10, 10, False, "make", 10, None),
    "late, but none other is due": (HOURLY, 10, 69, False, "make", 10, None),
    "another is due by now": (HOURLY, 10, 70, False, "make", 70, None),
    "while one runs": (HOURLY, 10, 15, True, "wait", 10, 70),
    "in the window": (NARROW, 10, 14.9, False, "make", 10, None),
    "after the window": (NARROW, 10, 15, False, "wait", 70, 70),
    "many windows later": (NARROW, 10, 200, False, "wait", 250, 250),
    "in a later window": (NARROW, 10, 192, False, "make", 190, None),
    "busy until the window closes": (NARROW, 10, 12, True, "wait", 10, 15),
    "once": (ONCE, 10, 1000, False, "make", 10, None),
    "once, too late": (BRIEF, 10, 15, False, "over", None, None),
    "once, too late, with a job still": (BRIEF, 10, 15, True, "wait", None, None),
    "the last": (UNTIL_TWO, 120, 120, False, "make", 120, None),
    "after the last": (UNTIL_TWO, 180, 121, False, "over", None, None),
    "late after the end": (UNTIL_TWO, 120, 121, False, "over", None, None),
    "after the last, with a job still": (UNTIL_TWO, 180, 121, True, "wait", None, None),
}


@pytest.mark.parametrize(
    ("plan", "due", "now", "busy", "step", "then", "look"), TURNS.values(), ids=TURNS
)
def test_turn(
    plan: Plan,
    due: float,
    now: float,
    busy: bool,
    step: str,
    then: float | None,
    look: float | None,
) -> None:
    turn = plan.turn(at(due), at(now), busy=busy)
    assert turn.step == step
    assert turn.due == (None if then is None else at(then))
    assert turn.look_again == (None if look is None else at(look))


def test_the_end_of_the_calendar_is_no_end_of_the_emulator() -> None:
    last = datetime.max.replace(tzinfo=UTC)
    assert NARROW.turn(last, NOON, busy=False).step == "wait"
    assert NARROW.turn(last, last, busy=True).look_again is None
    assert HOURLY.after(last) is None


def test_the_first_is_at_once_or_when_allowed() -> None:
    assert HOURLY.first(at(3)) == at(3)
    assert ONCE.first(at(3)) == at(10)
    assert ONCE.first(at(30)) == at(30)
    assert ONCE.after(at(10)) is None


spans = st.integers(1, 500).map(minutes)
plans = st.builds(
    Plan,
    not_after=st.none() | st.integers(0, 3000).map(at),
    window=st.none() | spans,
    interval=st.none() | spans,
)


@given(plans, st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=30))
def test_jobs_are_made_on_time_or_not_at_all(plan: Plan, looks: list[tuple[int, bool]]) -> None:
    now, due = NOON, plan.first(NOON)
    made: list[datetime] = []
    for pause, busy in looks:
        now += minutes(pause)
        turn = plan.turn(due, now, busy=busy)
        if turn.due is None:
            assert turn.step == ("wait" if busy else "over")
            break
        due = turn.due
        assert turn.look_again is None or turn.look_again > now
        if turn.step != "make":
            continue
        made.append(due)
        assert due <= now
        assert now - due < min(plan.window or timedelta.max, plan.interval or timedelta.max)
        assert plan.not_after is None or now <= plan.not_after
        following = plan.after(due)
        if following is None:
            break
        due = following
    assert made == sorted(set(made))
    if plan.interval:
        assert all((moment - NOON) % plan.interval == timedelta(0) for moment in made)
