"""The ledger of nodes: never more than the limits, the oldest first, nobody for ever."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.keys import attempt_key, run_name
from shared.domain.ledger import (
    HOUR,
    MOST_WAITING,
    Ledger,
    Limits,
    Place,
    ask,
    brought_to,
    leave,
    let_in,
    resized,
    why_not,
)
from tests.factories import NOON, after

MIDNIGHT = NOON + timedelta(hours=12)
TWO = Limits(nodes=2)
TEN_HOURS = Limits(node_hours=10)


def key(number: int, attempt: int = 1) -> str:
    return attempt_key(run_name("r", after(number)), attempt)


def place(nodes: int = 1, at: float = 0, seconds: int = HOUR, **shared: object) -> Place:
    return Place(nodes=nodes, seconds=seconds, since=after(at), **shared)  # type: ignore[arg-type]


def asked(limits: Limits, *places: Place, ledger: Ledger | None = None) -> Ledger:
    ledger = ledger or Ledger()
    for number, one in enumerate(places):
        ledger = ask(ledger, limits, key(number), one)
    return ledger


def test_as_many_as_there_are_and_the_others_wait() -> None:
    ledger = asked(TWO, place(), place(), place())
    assert ([*ledger.taken], [*ledger.waiting]) == ([key(0), key(1)], [key(2)])
    assert why_not(ledger, TWO, place()) == "waits for nodes: 2 of 2 in use"
    ledger = let_in(leave(ledger, [key(0)], after(5)), TWO)
    assert ([*ledger.taken], [*ledger.waiting]) == ([key(1), key(2)], [])
    assert ledger.taken[key(2)].since == after(5)


def test_asked_again_it_keeps_what_it_has() -> None:
    ledger = asked(TWO, place(), place(), place())
    for number in range(3):
        again = ask(ledger, TWO, key(number), place())
        assert (again.taken, again.waiting) == (ledger.taken, ledger.waiting)


def test_the_oldest_is_first_whoever_asked_first() -> None:
    ledger = ask(Ledger(), Limits(nodes=1), key(9), place())
    for number in (5, 3, 4):
        ledger = ask(ledger, Limits(nodes=1), key(number), place())
    order = []
    while ledger.taken:
        (one,) = ledger.taken
        order.append(one)
        ledger = let_in(leave(ledger, [one], after(9)), Limits(nodes=1))
    assert order == [key(9), key(3), key(4), key(5)]


def test_one_that_needs_many_nodes_is_not_overtaken() -> None:
    ledger = asked(TWO, place(), place(2), place(1))
    assert ([*ledger.taken], [*ledger.waiting]) == ([key(0)], [key(1), key(2)])
    ledger = let_in(leave(ledger, [key(0)], after(1)), TWO)
    assert [*ledger.taken] == [key(1)]


def test_a_limit_that_was_lowered_blocks_nobody() -> None:
    ledger = asked(TWO, place(), place(2), place(1))
    ledger = let_in(leave(ledger, [key(0)], after(1)), Limits(nodes=1))
    assert ([*ledger.taken], [*ledger.waiting]) == ([key(2)], [])


def test_those_that_wait_for_a_compute_hold_up_no_other() -> None:
    cpu = place(compute="cpu", most=1)
    ledger = asked(TWO, cpu, cpu, cpu, place(), place())
    assert ([*ledger.taken], ledger.nodes) == ([key(0), key(3)], 2)
    assert why_not(ledger, TWO, cpu) == "waits for a node of compute 'cpu': it has 1"
    larger = let_in(resized(leave(ledger, [key(3)], after(9)), {"cpu": 2}), TWO)
    assert [*larger.taken] == [key(0), key(1)]
    assert [*let_in(resized(ledger, {}), Limits(nodes=9)).taken][2:] == [key(1), key(2), key(4)]


def test_hours_are_nodes_by_time_and_begin_anew_each_day() -> None:
    ledger = asked(TEN_HOURS, place(2), place(1, at=HOUR))
    assert brought_to(ledger, after(2 * HOUR)).node_hours == 2 * 2 + 1
    tomorrow = brought_to(ledger, MIDNIGHT + timedelta(hours=1))
    assert tomorrow.node_hours == 3
    assert brought_to(tomorrow, NOON) == tomorrow, "a clock that lags changes nothing"


def test_what_is_reckoned_has_to_fit_in_the_day() -> None:
    four = place(4, seconds=2 * HOUR)
    ledger = asked(TEN_HOURS, four, four)
    assert ([*ledger.taken], [*ledger.waiting]) == ([key(0)], [key(1)])
    assert why_not(ledger, TEN_HOURS, four).startswith("waits for node-hours: 0.0 of 10 are used")
    # It took less than it might have, and so there is room.
    ledger = let_in(leave(ledger, [key(0)], after(HOUR / 4)), TEN_HOURS)
    assert ([*ledger.taken], ledger.node_hours) == ([key(1)], 1)


def test_when_the_day_is_used_nothing_starts_until_the_next() -> None:
    ledger = asked(TEN_HOURS, place(4, seconds=24 * HOUR), place())
    assert [*ledger.taken] == [key(0)], "one that is alone may overrun the day"
    ledger = let_in(leave(ledger, [key(0)], after(3 * HOUR)), TEN_HOURS)
    assert (ledger.node_hours, [*ledger.taken]) == (12, [])
    assert [*let_in(brought_to(ledger, MIDNIGHT), TEN_HOURS).taken] == [key(1)]


def test_near_midnight_only_the_rest_of_the_day_counts() -> None:
    late = (MIDNIGHT - timedelta(minutes=30) - NOON).total_seconds()
    ledger = asked(TEN_HOURS, *[place(4, at=late, seconds=24 * HOUR)] * 6)
    assert len(ledger.taken) == 5


def test_a_crowd_is_kept_to_what_a_document_holds() -> None:
    waiting = {key(number): place() for number in range(MOST_WAITING)}
    ledger = Ledger(waiting=waiting, taken={key(-1): place(2)}, at=NOON)
    assert ask(ledger, TWO, key(99_999), place()).waiting == waiting


places = st.builds(
    Place,
    nodes=st.integers(1, 4),
    seconds=st.integers(60, 40_000),
    since=st.just(NOON),
    compute=st.sampled_from(("", "", "cpu")),
    most=st.just(3),
)
steps = st.lists(
    st.tuples(st.sampled_from(("ask", "leave")), st.integers(0, 12), places, st.integers(0, 9000)),
    max_size=40,
)
limits = st.builds(
    Limits,
    nodes=st.none() | st.integers(4, 9),
    node_hours=st.none() | st.floats(0.5, 50),
)


@given(steps, limits)
def test_never_over_the_limits_and_never_stuck(
    history: list[tuple[str, int, Place, int]], limits: Limits
) -> None:
    ledger, now = Ledger(), NOON
    for what, number, one, seconds in history:
        now += timedelta(seconds=seconds)
        if what == "ask":
            one = Place(
                nodes=min(one.nodes, one.most) if one.compute else one.nodes,
                seconds=one.seconds,
                since=now,
                compute=one.compute,
                most=one.most,
            )
            ledger = ask(ledger, limits, key(number), one)
        else:
            ledger = let_in(leave(ledger, [key(number)], now), limits)
        assert limits.nodes is None or ledger.nodes <= limits.nodes
        assert not {*ledger.taken} & {*ledger.waiting}
    # Whatever happened, as those that run end, all get in, the next day at the latest.
    for _ in range(60):
        now += timedelta(hours=25)
        ledger = let_in(leave(ledger, [*ledger.taken], now), limits)
    assert ledger.waiting == {}
