"""The predefined functions. Lists of doubles and vectors count as one vector, as documented."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from retrain.local.batch.autoscale.moments import moment
from retrain.local.batch.autoscale.values import Timestamp, Value, Vec, kind_of

_CHANCE: Final = random.SystemRandom()

Function = Callable[[Sequence[Value]], Value]


class Stop(Exception):
    """stop(): the evaluation ends here, with what was set so far."""


def call(name: str, arguments: Sequence[Value], now: datetime) -> Value:
    """Raises LookupError (no such function), TypeError, ValueError, OverflowError, Stop."""
    if name == "stop":
        _count(arguments, 0, 0)
        raise Stop
    if name == "time":
        return _time(arguments, now)
    if name in _ROUNDING:
        return _each(_ROUNDING[name], arguments)
    if name in _REDUCING:
        return _REDUCING[name](_list(arguments, empty=name in ("len", "sum", "norm")))
    if name not in _OTHER:
        raise LookupError(f"Function {name} is not defined")
    return _OTHER[name](arguments)


def _time(arguments: Sequence[Value], now: datetime) -> Value:
    _count(arguments, 0, 1)
    if not arguments or arguments[0] == "":
        return Timestamp.of(now)
    text = arguments[0]
    if not isinstance(text, str):
        raise TypeError(f"time() takes a string, not a {kind_of(text)}")
    return Timestamp.of(moment(text))


def _each(work: Callable[[float], float], arguments: Sequence[Value]) -> Value:
    """A double for one double, else a vector."""
    if len(arguments) == 1 and isinstance(arguments[0], float):
        return work(arguments[0])
    return tuple(map(work, _list(arguments, empty=True)))


def _list(arguments: Sequence[Value], *, empty: bool = False) -> Vec:
    found: list[float] = []
    for argument in arguments:
        if isinstance(argument, float):
            found.append(argument)
        elif isinstance(argument, tuple):
            found.extend(argument)
        else:
            raise TypeError(f"A double or a doubleVec is expected, not a {kind_of(argument)}")
    if not found and not empty:
        raise ValueError("There are no values to take this of")
    return tuple(found)


def _count(arguments: Sequence[Value], least: int, most: int) -> None:
    if not least <= len(arguments) <= most:
        expected = str(least) if least == most else f"{least} to {most}"
        raise TypeError(f"{expected} arguments are expected, not {len(arguments)}")


def _of_vector(arguments: Sequence[Value]) -> tuple[Vec, float]:
    """A vector and a double."""
    _count(arguments, 2, 2)
    vec, number = arguments
    if not isinstance(number, float):
        raise TypeError(f"A double is expected, not a {kind_of(number)}")
    return _list([vec]), number


def _percentile(arguments: Sequence[Value]) -> Value:
    """The element below which p per cent lie, the next one for a place between two."""
    vec, percent = _of_vector(arguments)
    if not 0 <= percent <= 100:
        raise ValueError(f"A percentile is from 0 to 100, not {percent}")
    return sorted(vec)[max(0, math.ceil(percent / 100 * len(vec)) - 1)]


def _val(arguments: Sequence[Value]) -> Value:
    vec, place = _of_vector(arguments)
    if not (place.is_integer() and 0 <= place < len(vec)):
        raise ValueError(f"A vector of {len(vec)} elements has none at {place}")
    return vec[int(place)]


def _rand(arguments: Sequence[Value]) -> Value:
    _count(arguments, 0, 0)
    return _CHANCE.random()


def _whole(work: Callable[[float], int]) -> Callable[[float], float]:
    return lambda value: float(work(value)) if math.isfinite(value) else value


def _logarithm(base: float) -> Callable[[float], float]:
    """To the base; of nothing it is minus infinity, of less no number, as IEEE has it."""

    def logarithm(value: float) -> float:
        if value > 0:
            return math.log(value) / math.log(base) if base not in (2, 10) else _exact[base](value)
        return -math.inf if value == 0 else math.nan

    return logarithm


_exact: Final[dict[float, Callable[[float], float]]] = {2: math.log2, 10: math.log10}

_ROUNDING: Final[dict[str, Callable[[float], float]]] = {
    "ceil": _whole(math.ceil),
    "floor": _whole(math.floor),
    "round": _whole(round),
    "lg": _logarithm(2),
    "ln": _logarithm(math.e),
    "log": _logarithm(10),
}
_REDUCING: Final[dict[str, Callable[[Vec], float]]] = {
    "avg": lambda vec: sum(vec) / len(vec),
    "len": lambda vec: float(len(vec)),
    "max": max,
    "min": min,
    "norm": lambda vec: math.hypot(*vec),
    "range": lambda vec: max(vec) - min(vec),
    "std": lambda vec: statistics.stdev(vec) if len(vec) > 1 else 0.0,
    "sum": lambda vec: float(sum(vec)),
}
_OTHER: Final[dict[str, Function]] = {
    "percentile": _percentile,
    "rand": _rand,
    "val": _val,
    "vec": lambda arguments: _list(arguments, empty=True),
}
