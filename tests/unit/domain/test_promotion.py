"""Who takes a champion's place, and why not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.promotion import Champion, Rule, judge

UP, DOWN = Rule(metric="auc", goal="maximize"), Rule(metric="loss", goal="minimize")
BY_A_TENTH = Rule(metric="auc", goal="maximize", min_gain=0.1)


def champion(value: float | None) -> Champion:
    return Champion(version="3", value=value)


@pytest.mark.parametrize(
    ("rule", "value", "present", "promoted", "reason"),
    [
        (UP, 0.8, None, True, "auc is 0.8, and there was no champion"),
        (UP, None, None, False, "the run has no metric 'auc'"),
        (UP, math.nan, None, False, "auc is nan"),
        (UP, math.inf, 0.5, False, "auc is inf"),
        (UP, 0.8, 0.7, True, "auc is 0.8, version 3, the champion before, has 0.7"),
        (UP, 0.7, 0.7, False, "the champion, has 0.7: a gain of 0, not any"),
        (UP, 0.6, 0.7, False, "a gain of -0.1, not any"),
        (UP, None, 0.7, False, "the run has no metric 'auc'"),
        (UP, 0.8, math.nan, False, "version 3, the champion, has no auc to compare with"),
        (DOWN, 0.6, 0.7, True, "loss is 0.6"),
        (DOWN, 0.8, 0.7, False, "a gain of -0.1"),
        (BY_A_TENTH, 0.75, 0.7, False, "a gain of 0.05, not at least 0.1"),
        (BY_A_TENTH, 0.875, 0.75, True, "auc is 0.875"),
    ],
)
def test_judge(
    rule: Rule, value: float | None, present: float | None, promoted: bool, reason: str
) -> None:
    found = judge(rule, "4", value, None if present is None else champion(present))
    assert (found.promoted, reason in found.reason) == (promoted, True), found


def test_a_champion_without_the_metric_is_not_beaten() -> None:
    assert not judge(UP, "4", 0.9, champion(None)).promoted


def test_asked_again_it_is_still_the_champion() -> None:
    """The first asking set the label; then the process died before anybody heard of it."""
    assert judge(UP, "3", 0.8, champion(0.8)).promoted
    assert judge(UP, "3", None, champion(None)).promoted


numbers = st.floats(-1e9, 1e9)


@given(numbers, numbers, st.floats(0, 1e6), st.sampled_from(("maximize", "minimize")))
def test_never_both_ways(one: float, other: float, min_gain: float, goal: str) -> None:
    rule = Rule(metric="m", goal=goal, min_gain=min_gain)  # type: ignore[arg-type]
    there = judge(rule, "4", one, champion(other)).promoted
    back = judge(rule, "4", other, champion(one)).promoted
    assert not (there and back)
