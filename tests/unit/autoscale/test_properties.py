"""Promises of the language that no table can keep: it never breaks, and it counts like Python."""

import math
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from retrain.local.batch.autoscale import FormulaSyntaxError, parse
from retrain.local.batch.autoscale.values import Interval, Timestamp, shown
from tests.unit.autoscale.worlds import NOW, World, run, value_of

WORDS = st.sampled_from(
    [
        *("$x", "y", "$PendingTasks", "$TargetDedicatedNodes", "TimeInterval_Minute"),
        *("time", "avg", "vec", "GetSample", "GetSamplePercent", "stop", "val", "requeue"),
        *("1", "0", "2.5", "1e300", '"a"', "=", ";", "(", ")", "[", "]", ",", ".", "?", ":"),
        *("+", "-", "*", "/", "<", "==", "!=", "&&", "||", "!", "// c\n", " ", "%"),
    ]
)


@given(st.text(max_size=60) | st.lists(WORDS, max_size=40).map("".join))
def test_any_text_is_a_formula_or_is_refused(text: str) -> None:
    with suppress(FormulaSyntaxError):
        parse(text)


@given(st.lists(WORDS, max_size=25).map(" ".join))
def test_any_formula_has_a_result(text: str) -> None:
    world = World(samples={"$PendingTasks": [1.0, 2.0]})
    with suppress(FormulaSyntaxError):
        result = run(text, world, dedicated=3)
        assert result.text.startswith("$TargetDedicatedNodes=")
        assert result.error is None or result.setting.dedicated == 3


NUMBERS = st.integers(0, 1000) | st.floats(0, 1e6, allow_nan=False)


def combined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Arithmetic that means the same to Python; nothing is divided by zero."""
    binary = st.tuples(parts, st.sampled_from(["+", "-", "*"]), parts).map(" ".join)
    divided = st.tuples(parts, st.integers(1, 9)).map(lambda two: f"({two[0]}) / {two[1]}")
    return binary | divided | parts.map(lambda part: f"({part})") | parts.map(lambda p: f"-({p})")


@given(st.recursive(NUMBERS.map(repr), combined, max_leaves=15))
def test_arithmetic_agrees_with_python(expression: str) -> None:
    with suppress(FormulaSyntaxError):  # nested too deeply
        assert value_of(expression) == shown(float(eval(expression)))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_as_it_is_shown(number: float) -> None:
    assert float(value_of(shown(number))) == number


@given(st.integers(-(10**17), 10**17), st.integers(-(10**17), 10**17))
def test_time_adds_up_exactly(first: int, second: int) -> None:
    moment = Timestamp.of(NOW)
    both = moment.plus(Interval(first)).plus(Interval(second))
    assert both == moment.plus(Interval(first + second))
    assert both.ticks - moment.ticks == first + second


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40), st.floats(0, 100))
def test_a_percentile_lies_among_the_values(values: list[float], percent: float) -> None:
    vector = ", ".join(map(repr, values))
    found = float(value_of(f"percentile([{vector}], {percent!r})"))
    below = sum(value <= found for value in values)
    assert found in values
    assert below >= math.floor(percent / 100 * len(values))
