"""Arithmetic and patterns against their definitions."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.local.servicebus.rules.errors import FilterError
from retrain.local.servicebus.rules.predicates import like_pattern
from retrain.local.servicebus.rules.values import arithmetic, compare, equal

whole = st.integers(-(1 << 63), (1 << 63) - 1)
numbers = whole | st.floats(allow_nan=False)


@given(whole, whole.filter(bool))
def test_division_is_towards_zero_with_its_rest(left: int, right: int) -> None:
    try:
        quotient = arithmetic("/", left, right)
    except FilterError:
        assert (left, right) == (-(1 << 63), -1)  # the one quotient beyond 64 bits
        return
    rest = arithmetic("%", left, right)
    assert quotient * right + rest == left
    assert abs(rest) < abs(right)
    assert rest == 0 or (rest < 0) == (left < 0)


@given(numbers, numbers)
def test_of_two_numbers_one_comparison_holds(left: float, right: float) -> None:
    assert [compare(sign, left, right) for sign in "<=>"].count(True) == 1
    assert compare("<>", left, right) is not compare("=", left, right)


@given(st.sampled_from("+-*/%"), st.floats(), st.floats())
def test_floats_never_fail(sign: str, left: float, right: float) -> None:
    assert isinstance(arithmetic(sign, left, right), float)


EQUAL = {
    "numbers": (1, 1, True),
    "other numbers": (1, 2, False),
    "a whole and a broken number": (1, 1.0, False),
    "a number and true": (1, True, False),
    "a number and a text": (1, "1", False),
    "texts": ("a", "a", True),
    "texts in two cases": ("a", "A", False),
}


@pytest.mark.parametrize(("left", "right", "expected"), EQUAL.values(), ids=EQUAL)
def test_equal(left: object, right: object, expected: bool) -> None:
    assert equal(left, right) is expected
    assert equal(right, left) is expected


@given(st.text(), st.text(max_size=3), st.text(max_size=3))
def test_a_text_is_like_itself(text: str, before: str, behind: str) -> None:
    escaped = re.sub(r"([%_!])", r"!\1", text)
    assert like_pattern(escaped, "!").fullmatch(text)
    assert like_pattern(f"%{escaped}%", "!").fullmatch(before + text + behind)
    assert like_pattern("_" * len(text)).fullmatch(text)
    assert not like_pattern("_" * (len(text) + 1)).fullmatch(text)
