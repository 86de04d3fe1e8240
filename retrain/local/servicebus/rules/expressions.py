"""Expressions: what has a value. None is the unknown value. All raise FilterError."""

import os
import uuid
from dataclasses import dataclass
from typing import Any

from retrain.local.servicebus.rules import values
from retrain.local.servicebus.rules.errors import FilterError
from retrain.local.servicebus.rules.view import Scope


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal, or a parameter's value."""

    constant: Any

    def value(self, scope: Scope) -> Any:
        return self.constant


@dataclass(frozen=True, slots=True)
class Property:
    """system: of the service's properties, not the application's."""

    name: str
    system: bool = False

    def value(self, scope: Scope) -> Any:
        return scope.system(self.name) if self.system else scope.user(self.name)

    def exists(self, scope: Scope) -> bool:
        return self.value(scope) is not None if self.system else scope.has(self.name)


@dataclass(frozen=True, slots=True)
class Named:
    """`property(…)`: the application's property whose name an expression gives."""

    name: "Expression"

    def value(self, scope: Scope) -> Any:
        name = self._name(scope)
        return None if name is None else scope.user(name)

    def exists(self, scope: Scope) -> bool:
        name = self._name(scope)
        return name is not None and scope.has(name)

    def _name(self, scope: Scope) -> str | None:
        name = self.name.value(scope)
        if name is not None and not isinstance(name, str):
            raise FilterError(f"property() takes a text, not a {values.kind(name)}.")
        return name


@dataclass(frozen=True, slots=True)
class NewId:
    """`newid()`: another uuid each time."""

    def value(self, scope: Scope) -> Any:
        return uuid.UUID(bytes=os.urandom(16), version=4)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """sign: one of + - * / %."""

    sign: str
    left: "Expression"
    right: "Expression"

    def value(self, scope: Scope) -> Any:
        return values.arithmetic(self.sign, self.left.value(scope), self.right.value(scope))


@dataclass(frozen=True, slots=True)
class Negative:
    operand: "Expression"

    def value(self, scope: Scope) -> Any:
        return values.negative(self.operand.value(scope))


Expression = Constant | Property | Named | NewId | Arithmetic | Negative
