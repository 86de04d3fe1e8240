"""Predicates: what is true, false, or unknown (None), in SQL's logic of three values.

All raise FilterError.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from retrain.local.servicebus.rules import values
from retrain.local.servicebus.rules.errors import FilterError
from retrain.local.servicebus.rules.expressions import Expression, Named, Property
from retrain.local.servicebus.rules.view import Scope


@dataclass(frozen=True, slots=True)
class And:
    left: "Predicate"
    right: "Predicate"

    def holds(self, scope: Scope) -> bool | None:
        left = self.left.holds(scope)
        if left is False:
            return False
        right = self.right.holds(scope)
        return right if right is False or left else None


@dataclass(frozen=True, slots=True)
class Or:
    left: "Predicate"
    right: "Predicate"

    def holds(self, scope: Scope) -> bool | None:
        left = self.left.holds(scope)
        if left:
            return True
        right = self.right.holds(scope)
        return right if right or left is False else None


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Predicate"

    def holds(self, scope: Scope) -> bool | None:
        holds = self.operand.holds(scope)
        return None if holds is None else not holds


@dataclass(frozen=True, slots=True)
class Comparison:
    """sign: one of = <> != < <= > >=."""

    sign: str
    left: Expression
    right: Expression

    def holds(self, scope: Scope) -> bool | None:
        return values.compare(self.sign, self.left.value(scope), self.right.value(scope))


@dataclass(frozen=True, slots=True)
class IsNull:
    property: Property | Named

    def holds(self, scope: Scope) -> bool | None:
        return self.property.value(scope) is None


@dataclass(frozen=True, slots=True)
class Exists:
    property: Property | Named

    def holds(self, scope: Scope) -> bool | None:
        return self.property.exists(scope)


@dataclass(frozen=True, slots=True)
class In:
    operand: Expression
    choices: tuple[Expression, ...]

    def holds(self, scope: Scope) -> bool | None:
        left = self.operand.value(scope)
        if left is None:
            return None
        found = [values.compare("=", left, choice.value(scope)) for choice in self.choices]
        if any(found):
            return True
        return None if None in found else False


@dataclass(frozen=True, slots=True)
class Like:
    """escape: makes the character behind it stand for itself."""

    operand: Expression
    pattern: Expression
    escape: Expression | None

    def holds(self, scope: Scope) -> bool | None:
        given = [self.operand.value(scope), self.pattern.value(scope)]
        if self.escape:
            given.append(self.escape.value(scope))
        if None in given:
            return None
        if not all(isinstance(each, str) for each in given):
            raise FilterError("LIKE takes texts only.")
        return like_pattern(*given[1:]).fullmatch(given[0]) is not None


Predicate = And | Or | Not | Comparison | IsNull | Exists | In | Like


@lru_cache(maxsize=256)
def like_pattern(pattern: str, escape: str | None = None) -> re.Pattern[str]:
    """`%` is any text, `_` any character. Raises FilterError."""
    if escape is not None and len(escape) != 1:
        raise FilterError("ESCAPE takes one character.")
    parts: list[str] = []
    rest = iter(pattern)
    for character in rest:
        if character == escape:
            parts.append(re.escape(next(rest, "")))
        else:
            parts.append({"%": ".*", "_": "."}.get(character) or re.escape(character))
    return re.compile("".join(parts), re.DOTALL)
