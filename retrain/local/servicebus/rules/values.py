"""Arithmetic and comparison as C# binds them: what fits is promoted, what does not is an error.

None is the unknown value: a property that is not there, or null. It makes every result unknown.
"""

import math
import operator
from collections.abc import Callable
from typing import Any, Final

from retrain.local.servicebus.amqp import Timestamp
from retrain.local.servicebus.rules.errors import FilterError

_INT64: Final = 1 << 63

_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ORDERS: Final = ("<", "<=", ">", ">=")
COMPARISONS: Final = tuple(_COMPARE)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool | Timestamp)


def kind(value: Any) -> str:
    """What a value is, for people."""
    if isinstance(value, bool):
        return "boolean"
    if is_number(value):
        return "number"
    return type(value).__name__


def compare(sign: str, left: Any, right: Any) -> bool | None:
    """Raises FilterError for values of two kinds, and of a kind without an order."""
    if left is None or right is None:
        return None
    if kind(left) != kind(right):
        raise FilterError(f"'{sign}' can't compare a {kind(left)} with a {kind(right)}.")
    if sign in _ORDERS and not (is_number(left) or isinstance(left, str | Timestamp)):
        raise FilterError(f"'{sign}' can't compare a {kind(left)}: it has no order.")
    return bool(_COMPARE[sign](left, right))


def equal(left: Any, right: Any) -> bool:
    """The same value of the same kind: 1 is 1 in any width, but neither 1.0 nor true."""
    return isinstance(left, float) == isinstance(right, float) and (
        kind(left) == kind(right) and bool(left == right)
    )


def arithmetic(sign: str, left: Any, right: Any) -> Any:
    """Raises FilterError for what is no number, for division by zero, and beyond 64 bits."""
    if left is None or right is None:
        return None
    if sign == "+" and isinstance(left, str) and isinstance(right, str):
        return left + right
    if not is_number(left) or not is_number(right):
        raise FilterError(f"'{sign}' can't join a {kind(left)} and a {kind(right)}.")
    if isinstance(left, float) or isinstance(right, float):
        return _float(sign, float(left), float(right))
    return _within(_integer(sign, left, right))


def negative(value: Any) -> Any:
    """Raises FilterError."""
    if value is None:
        return None
    if not is_number(value):
        raise FilterError(f"a {kind(value)} has no negative.")
    return _within(-value) if isinstance(value, int) else -value


def _float(sign: str, left: float, right: float) -> float:
    if sign in "/%" and right == 0:
        signless = math.nan if sign == "%" or left == 0 or math.isnan(left) else math.inf
        return math.copysign(signless, left) * math.copysign(1, right)
    match sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case _:
            return math.nan if math.isinf(left) else math.fmod(left, right)


def _integer(sign: str, left: int, right: int) -> int:
    if sign in "/%" and right == 0:
        raise FilterError("Attempted to divide by zero.")
    match sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":  # towards zero, as C# does it
            quotient = abs(left) // abs(right)
            return quotient if (left < 0) == (right < 0) else -quotient
        case _:
            return int(math.copysign(1, left)) * (abs(left) % abs(right))


def _within(value: int) -> int:
    if not -_INT64 <= value < _INT64:
        raise FilterError("Arithmetic operation resulted in an overflow.")
    return value
