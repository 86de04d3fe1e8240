"""The operators: a table by sign and types, which is the one of the documentation.

What is not in the table is a type error, also where one could guess what was meant: a formula that
works here has to work on the service.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, Final

from retrain.local.batch.autoscale.values import Interval, Timestamp, Value, Vec, kind_of

Operation = Callable[[Value, Value], Value]


def apply(sign: str, left: Value, right: Value) -> Value:
    """Raises TypeError for types the table does not have, OverflowError, ValueError."""
    key = (kind_of(left), sign, kind_of(right))
    found = _TABLE.get(key)
    if found is None:
        raise TypeError(f"Operator {sign} can't be applied to {key[0]} and {key[2]}")
    return found(left, right)


def negate(sign: str, operand: Value) -> Value:
    """-x and !x. Raises TypeError."""
    if sign == "-" and isinstance(operand, float):
        return -operand
    if sign == "-" and isinstance(operand, Interval):
        return Interval(-operand.ticks)
    if sign == "!" and isinstance(operand, float):
        return float(operand == 0)
    raise TypeError(f"Operator {sign} can't be applied to {kind_of(operand)}")


def divided(left: float, right: float) -> float:
    """As IEEE has it, and the service: by zero is infinite, or no number."""
    if right:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _times(left: float, right: float) -> float:
    return left * right


_ARITHMETIC: Final[dict[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": _times,
    "/": divided,
}
_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
    "!=": operator.ne,
}


def _between(work: Callable[[float, float], float]) -> dict[tuple[str, str], Operation]:
    def numbers(left: Value, right: Value) -> Value:
        return work(_double(left), _double(right))

    def with_number(left: Value, right: Value) -> Value:
        return tuple(work(each, _double(right)) for each in _vec(left))

    def vectors(left: Value, right: Value) -> Value:
        one, other = _vec(left), _vec(right)
        if len(one) != len(other):
            raise ValueError(f"Vectors of {len(one)} and of {len(other)} elements don't fit")
        return tuple(map(work, one, other))

    return {
        ("double", "double"): numbers,
        ("doubleVec", "double"): with_number,
        ("doubleVec", "doubleVec"): vectors,
    }


def _compared(work: Callable[[Any, Any], bool]) -> Operation:
    return lambda left, right: float(work(left, right))


def _scaled(left: Value, right: Value) -> Value:
    if isinstance(left, Interval):
        return left.times(_double(right))
    return _interval(right).times(_double(left))


def _shared(left: Value, right: Value) -> Value:
    return _interval(left).times(divided(1.0, _double(right)))


def _later(left: Value, right: Value) -> Value:
    if isinstance(left, Timestamp):
        return left.plus(_interval(right))
    return _moment(right).plus(_interval(left))


_TIME: Final[dict[tuple[str, str, str], Operation]] = {
    ("double", "*", "timeinterval"): _scaled,
    ("timeinterval", "*", "double"): _scaled,
    ("timeinterval", "/", "double"): _shared,
    ("timeinterval", "+", "timeinterval"): lambda left, right: Interval(
        _interval(left).ticks + _interval(right).ticks
    ),
    ("timeinterval", "-", "timeinterval"): lambda left, right: Interval(
        _interval(left).ticks - _interval(right).ticks
    ),
    ("timeinterval", "+", "timestamp"): _later,
    ("timestamp", "+", "timeinterval"): _later,
    ("timestamp", "-", "timestamp"): lambda left, right: Interval(
        _moment(left).ticks - _moment(right).ticks
    ),
}
_TABLE: Final[dict[tuple[str, str, str], Operation]] = {
    **_TIME,
    **{
        (left, sign, right): work
        for sign, arithmetic in _ARITHMETIC.items()
        for (left, right), work in _between(arithmetic).items()
    },
    **{
        (kind, sign, kind): _compared(comparison)
        for sign, comparison in _COMPARISONS.items()
        for kind in ("double", "string", "timestamp", "timeinterval")
    },
}


def _double(value: Value) -> float:
    assert isinstance(value, float), "the table says so"
    return value


def _vec(value: Value) -> Vec:
    assert isinstance(value, tuple), "the table says so"
    return value


def _interval(value: Value) -> Interval:
    assert isinstance(value, Interval), "the table says so"
    return value


def _moment(value: Value) -> Timestamp:
    assert isinstance(value, Timestamp), "the table says so"
    return value
