"""Evaluates a formula: statement by statement, until its end or stop()."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from retrain.local.batch.autoscale import functions, operators
from retrain.local.batch.autoscale.errors import EvaluationError, InsufficientData, Position
from retrain.local.batch.autoscale.samples import History, Samples, TooFew
from retrain.local.batch.autoscale.syntax import (
    Call,
    Chain,
    Choice,
    Expression,
    Formula,
    Member,
    Method,
    Name,
    Number,
    Signed,
    Statement,
    Step,
    Text,
    Vector,
)
from retrain.local.batch.autoscale.values import (
    INTERVALS,
    Metric,
    Timestamp,
    Value,
    kind_of,
    shown,
)

DEDICATED: Final = "$TargetDedicatedNodes"
LOW_PRIORITY: Final = "$TargetLowPriorityNodes"
OPTION: Final = "$NodeDeallocationOption"
OPTIONS: Final = ("requeue", "terminate", "taskcompletion", "retaineddata")
_ALIASES: Final = {
    "$TargetDedicated": DEDICATED,
    "$TargetLowPriority": LOW_PRIORITY,
    "$CurrentDedicated": "$CurrentDedicatedNodes",
    "$CurrentLowPriority": "$CurrentLowPriorityNodes",
}
_TIME_PARTS: Final = ("year", "month", "day", "hour", "minute", "second")
_LARGEST_TARGET: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Setting:
    """What a formula sets: how many nodes of each kind, and what becomes of tasks on the others."""

    dedicated: int
    low_priority: int
    option: str = "requeue"


@dataclass(frozen=True, slots=True)
class Result:
    """`setting` is what the pool had when there is an `error`; `text` shows all variables."""

    setting: Setting
    text: str
    error: EvaluationError | None = None


def evaluate(formula: Formula, samples: Samples, now: datetime, before: Setting) -> Result:
    """`before` is what the pool has: the variables begin with it, all but the option."""
    run = _Run(samples, now, before)
    try:
        with suppress(functions.Stop):
            for statement in formula.statements:
                run.do(statement)
        setting = run.setting()
    except EvaluationError as error:
        return Result(before, run.shown(before), error)
    return Result(setting, run.shown(setting))


class _Run:
    """The variables, while a formula is worked off."""

    def __init__(self, samples: Samples, now: datetime, before: Setting) -> None:
        self._samples = samples
        self._now = now
        self._own: dict[str, Value] = {
            DEDICATED: float(before.dedicated),
            LOW_PRIORITY: float(before.low_priority),
            OPTION: "requeue",
        }
        self._users: dict[str, Value] = {}
        self._set_at: dict[str, Position] = {}
        self._full_names: set[str] = set()  # set under their full names, which win over aliases

    def do(self, statement: Statement) -> None:
        """Evaluate, and assign if there is a name. Raises EvaluationError, Stop."""
        value = self._plain(statement.value)
        if statement.name is not None:
            self._assign(statement.at, statement.name, value)

    def _assign(self, at: Position, name: str, value: Value) -> None:
        own = _ALIASES.get(name, name)
        if own in self._own:
            if name in self._own:
                self._full_names.add(name)
            elif own in self._full_names:
                return
            self._own[own] = value
            self._set_at[own] = at
        elif self._samples.now(own) is not None or own in INTERVALS:
            raise EvaluationError(at, f"{name} is read-only")
        else:
            self._users[name] = value

    def setting(self) -> Setting:
        """What the variables ask for. Raises EvaluationError."""
        option = self._own[OPTION]
        if option not in OPTIONS:
            reason = f"{OPTION} is one of {', '.join(OPTIONS)}, not {shown(option)}"
            raise EvaluationError(self._place(OPTION), reason)
        return Setting(self._target(DEDICATED), self._target(LOW_PRIORITY), str(option))

    def _target(self, name: str) -> int:
        """Cut to a whole number."""
        value = self._own[name]
        whole = isinstance(value, float) and math.isfinite(value)
        if not whole or not isinstance(value, float) or not 0 <= int(value) <= _LARGEST_TARGET:
            reason = f"{name} is a number of nodes, not {shown(value)}"
            raise EvaluationError(self._place(name), reason)
        return int(value)

    def _place(self, name: str) -> Position:
        return self._set_at.get(name, Position(1, 1))

    def shown(self, setting: Setting) -> str:
        """Name=value of the targets and the option, then of the user's variables by name."""
        lines = [
            f"{DEDICATED}={setting.dedicated}",
            f"{LOW_PRIORITY}={setting.low_priority}",
            f"{OPTION}={setting.option}",
            *(f"{name}={shown(value)}" for name, value in sorted(self._users.items())),
        ]
        return ";".join(lines)

    def _plain(self, expression: Expression) -> Value:
        """The value; of a metric the present one."""
        value = self._value(expression)
        return value.now if isinstance(value, Metric) else value

    def _value(self, expression: Expression) -> Value | Metric:
        try:
            return self._work(expression)
        except (TypeError, ValueError, OverflowError, LookupError) as error:
            raise EvaluationError(expression.at, str(error)) from error

    def _work(self, expression: Expression) -> Value | Metric:
        match expression:
            case Number(value=value) | Text(value=value):
                return value
            case Name(name=name):
                return self._named(name)
            case Method():
                return self._method(expression)
            case Chain() | Choice() | Signed():
                return self._operated(expression)
            case _:
                return self._composed(expression)

    def _operated(self, expression: Chain | Choice | Signed) -> Value:
        match expression:
            case Chain():
                return self._chain(expression)
            case Choice():
                return self._choose(expression)
            case Signed():
                return self._signed(expression)

    def _composed(self, expression: Vector | Call | Member) -> Value:
        match expression:
            case Vector(items=items):
                return functions.call("vec", [self._plain(item) for item in items], self._now)
            case Call(function=function, arguments=arguments):
                values = [self._plain(argument) for argument in arguments]
                return functions.call(function, values, self._now)
            case Member(owner=owner, name=name):
                return _member(self._plain(owner), name)

    def _named(self, name: str) -> Value | Metric:
        full = _ALIASES.get(name, name)
        if full in self._own:
            return self._own[full]
        if name in self._users:
            return self._users[name]
        if full in INTERVALS:
            return INTERVALS[full]
        if full in OPTIONS:
            return full
        now = self._samples.now(full)
        if now is None:
            raise LookupError(f"Variable {name} is not defined")
        return Metric(full, float(now))

    def _chain(self, chain: Chain) -> Value:
        value = self._plain(chain.first)
        for step in chain.steps:
            value = self._step(value, step)
        return value

    def _step(self, left: Value, step: Step) -> Value:
        """&& and || look at the right side only when it matters."""
        if step.sign in ("&&", "||"):
            if _truth(left) == (step.sign == "||"):
                return float(_truth(left))
            return float(_truth(self._plain(step.operand)))
        right = self._plain(step.operand)
        try:
            return operators.apply(step.sign, left, right)
        except (TypeError, ValueError, OverflowError) as error:
            raise EvaluationError(step.at, str(error)) from error

    def _choose(self, choice: Choice) -> Value:
        for condition, value in choice.cases:
            if _truth(self._plain(condition)):
                return self._plain(value)
        return self._plain(choice.otherwise)

    def _signed(self, signed: Signed) -> Value:
        value = self._plain(signed.operand)
        for sign in reversed(signed.signs):
            value = operators.negate(sign, value)
        return value

    def _method(self, method: Method) -> Value:
        owner = self._value(method.owner)
        arguments = [self._plain(argument) for argument in method.arguments]
        if not isinstance(owner, Metric):
            raise TypeError(f"A {kind_of(owner)} has no method {method.name}")
        history = History(self._samples.history(owner.name), self._now)
        try:
            return history.ask(method.name, arguments)
        except TooFew as error:
            reason = f"Insufficient data from data set: {owner.name} {error}"
            raise InsufficientData(method.at, reason) from error


def _truth(value: Value) -> bool:
    if not isinstance(value, float):
        raise TypeError(f"A double is expected as a condition, not a {kind_of(value)}")
    return value != 0


def _member(value: Value, name: str) -> float:
    if not isinstance(value, Timestamp):
        raise TypeError(f"A {kind_of(value)} has no member {name}")
    if name == "weekday":  # Sunday is 0, as in .NET
        return float(value.moment.isoweekday() % 7)
    if name not in _TIME_PARTS:
        raise LookupError(f"A timestamp has no member {name}")
    return float(getattr(value.moment, name))
