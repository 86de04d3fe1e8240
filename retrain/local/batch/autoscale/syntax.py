"""A formula that was read: statements of expressions.

Operators of one rank stand side by side in a Chain, not inside each other, so that a formula can be
as long as the service lets it and is still evaluated in few steps of recursion.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from retrain.local.batch.autoscale.errors import Position


@dataclass(frozen=True, slots=True)
class Number:
    at: Position
    value: float


@dataclass(frozen=True, slots=True)
class Text:
    at: Position
    value: str


@dataclass(frozen=True, slots=True)
class Name:
    at: Position
    name: str


@dataclass(frozen=True, slots=True)
class Vector:
    """[1, 2, 3]"""

    at: Position
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Signed:
    """An operand after `signs`, the nearest last."""

    at: Position
    signs: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Step:
    """One operator and what stands right of it."""

    at: Position
    sign: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Chain:
    """a + b - c: operators of one rank, worked off from the left."""

    at: Position
    first: Expression
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """a ? b : c ? d : e; each case is a condition and its value."""

    at: Position
    cases: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """`at` is the place of the opening bracket, where the service counts its errors."""

    at: Position
    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Member:
    at: Position
    owner: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Method:
    """As a Call, of what stands left of the dot."""

    at: Position
    owner: Expression
    name: str
    arguments: tuple[Expression, ...]


Expression = Number | Text | Name | Vector | Signed | Chain | Choice | Call | Member | Method


@dataclass(frozen=True, slots=True)
class Statement:
    """`name` None: the value goes nowhere."""

    at: Position
    name: str | None
    value: Expression


@dataclass(frozen=True, slots=True)
class Formula:
    """`names` are all those the formula reads or sets."""

    statements: tuple[Statement, ...]
    names: frozenset[str]


def names_in(statements: tuple[Statement, ...]) -> Iterator[str]:
    """Every name the statements read or set."""
    left: list[Expression] = []
    for statement in statements:
        left.append(statement.value)
        if statement.name is not None:
            yield statement.name
    while left:
        expression = left.pop()
        if isinstance(expression, Name):
            yield expression.name
        left += _parts(expression)


def _parts(expression: Expression) -> tuple[Expression, ...]:
    match expression:
        case Vector(items=parts) | Call(arguments=parts):
            return parts
        case Signed(operand=part) | Member(owner=part):
            return (part,)
        case Method(owner=owner, arguments=parts):
            return (owner, *parts)
        case Chain(first=first, steps=steps):
            return (first, *(step.operand for step in steps))
        case Choice(cases=cases, otherwise=otherwise):
            return (*(part for case in cases for part in case), otherwise)
        case _:
            return ()
