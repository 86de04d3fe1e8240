"""What logged lines add up to, whatever their order and however often they came."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.app.books import Books
from shared.domain.errors import Invalid
from shared.domain.tracked import Point, Standing, Tracked, child_of, first, parse_child
from tests.factories import RUN
from tests.simulation.twins.ledger import SimulatedLedger

points = st.builds(
    Point,
    st.integers(-3, 3),
    st.integers(0, 3),
    st.floats(-5, 5) | st.sampled_from([math.nan, math.inf, -math.inf]),
)


def _standing(logged: list[Point]) -> Standing:
    standing = first(logged[0])
    for point in logged[1:]:
        standing.take(point)
    return standing


@given(st.lists(points, min_size=1, max_size=8), st.randoms())
def test_the_order_of_arrival_does_not_matter(logged: list[Point], random: object) -> None:
    shuffled = [*logged]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = _standing(logged), _standing(shuffled)
    assert (one.last.step, one.last.timestamp) == (other.last.step, other.last.timestamp)
    for extreme in ("min", "max"):
        found, again = getattr(one, extreme), getattr(other, extreme)
        assert (found and found.value) == (again and again.value)


@given(st.lists(points, min_size=1, max_size=8))
def test_a_standing_is_what_the_points_say(logged: list[Point]) -> None:
    standing = _standing(logged)
    numbers = [point.value for point in logged if not math.isnan(point.value)]
    assert standing.last.step == max(point.step for point in logged)
    assert (standing.min and standing.min.value) == (min(numbers) if numbers else None)
    assert (standing.max and standing.max.value) == (max(numbers) if numbers else None)


@given(st.lists(points, min_size=1, max_size=30), st.integers(1, 9))
def test_a_book_that_reads_on_knows_what_a_new_one_does(logged: list[Point], size: int) -> None:
    ledger, tracked = SimulatedLedger(), Tracked(RUN, 1)
    writing, reading = Books(ledger), Books(ledger)
    for begin in range(0, len(logged), size):
        writing.add_metrics(tracked, [("loss", point) for point in logged[begin : begin + size]])
        seen = reading.standings(tracked)["loss"]
        fresh = Books(ledger).standings(tracked)["loss"]
        assert repr(seen) == repr(fresh)
    history = Books(ledger).history(tracked, "loss")
    assert {repr(point) for point in history} == {repr(point) for point in logged} or any(
        point.value == 0
        for point in logged  # 0.0 and -0.0 are one value
    )


def test_params_of_two_writers_at_once_are_the_first_ones() -> None:
    ledger, tracked = SimulatedLedger(), Tracked(RUN, 1)
    one, other = Books(ledger), Books(ledger)
    one.facts(tracked), other.facts(tracked)
    one.add_params(tracked, {"a": "1", "b": "1"})
    other.add_params(tracked, {"a": "1", "c": "2"})
    with pytest.raises(Invalid, match="Changing param values"):
        other.add_params(tracked, {"b": "2"})
    assert Books(ledger).facts(tracked).params == {"a": "1", "b": "1", "c": "2"}


def test_large_params_are_cut_into_lines() -> None:
    ledger, tracked = SimulatedLedger(), Tracked(RUN, 1)
    params = {f"p{number}": "ü" * 6000 for number in range(100)}
    Books(ledger).add_params(tracked, params)
    assert Books(ledger).facts(tracked).params == params


def test_a_childs_id_says_whose_it_is() -> None:
    child = child_of(Tracked(RUN, 2), "x")
    assert parse_child(child.id) == child
    assert child.own == Tracked(RUN, 2)
    assert child_of(Tracked(RUN, 2), "x") == child
    assert parse_child(RUN) is None
    assert parse_child("x-c0123456789abcdef") is None


def test_a_usual_batch_is_one_write() -> None:
    ledger = SimulatedLedger()
    values = [(f"layer {n}/loss", Point(7, 1_700_000_000_000, n / 7)) for n in range(500)]
    Books(ledger).add_metrics(Tracked(RUN, 1), values)
    assert ledger.calls == 1
