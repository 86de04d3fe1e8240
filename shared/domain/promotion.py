"""Whether a model takes its champion's place: a rule, two numbers, and the reason in words."""

import math
from dataclasses import dataclass
from typing import Literal

Goal = Literal["maximize", "minimize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """metric: by its name.  min_gain: >= 0, in the metric's own unit; any gain will do for 0."""

    metric: str
    goal: Goal
    min_gain: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """value: of the rule's metric, None when the run that made it has none."""

    version: str
    value: float | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """`reason` is for the run's owner, whichever way it went."""

    promoted: bool
    reason: str


def judge(rule: Rule, version: str, value: float | None, champion: Champion | None) -> Judgement:
    """Compare the version's metric with the champion's.

    A first champion needs the metric, no more. One that is champion already stays so: the question
    was asked twice. A champion without the metric is not beaten, since nothing says that it is.
    """
    if champion and champion.version == version:
        return Judgement(True, f"version {version} is the champion")
    if value is None:
        return Judgement(False, f"the run has no metric '{rule.metric}'")
    if not math.isfinite(value):
        return Judgement(False, f"{rule.metric} is {value}")
    if champion is None:
        return Judgement(True, f"{rule.metric} is {value:g}, and there was no champion")
    return _compared(rule, value, champion)


def _compared(rule: Rule, value: float, champion: Champion) -> Judgement:
    was = f"version {champion.version}, the champion,"
    if champion.value is None or not math.isfinite(champion.value):
        return Judgement(False, f"{was} has no {rule.metric} to compare with")
    gain = value - champion.value if rule.goal == "maximize" else champion.value - value
    if gain > 0 and gain >= rule.min_gain:
        before = f"version {champion.version}, the champion before, has {champion.value:g}"
        return Judgement(True, f"{rule.metric} is {value:g}, {before}")
    told = f"{rule.metric} is {value:g}, {was} has {champion.value:g}"
    least = f"at least {rule.min_gain:g}" if rule.min_gain else "any"
    return Judgement(False, f"{told}: a gain of {gain:g}, not {least}")
