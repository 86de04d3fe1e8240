"""SQL actions: what a rule changes in its copy of a message."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from retrain.local.servicebus.amqp import Symbol, Timestamp
from retrain.local.servicebus.rules import values
from retrain.local.servicebus.rules.errors import FilterError, SyntaxInvalid
from retrain.local.servicebus.rules.expressions import Expression, Property
from retrain.local.servicebus.rules.parser import Parser
from retrain.local.servicebus.rules.view import ANNOTATIONS, FIELDS, View

#: The service's limit of statements.
_MOST: Final = 32
#: System properties that an action may set beside those of FIELDS and ANNOTATIONS.
_SETTABLE: Final = frozenset((*FIELDS, *ANNOTATIONS, "timetolive", "scheduledenqueuetimeutc"))


@dataclass(frozen=True, slots=True)
class Statement:
    """What a property becomes; with no expression, it is removed."""

    target: Property
    expression: Expression | None


@dataclass(slots=True)
class Edits:
    """What becomes of a message. user: None as a value is null; `removed` are gone.

    fields: of AMQP's properties, by index. annotations: by name; None is gone.
    """

    user: dict[str, Any] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    fields: dict[int, Any] = field(default_factory=dict)
    annotations: dict[str, Any] = field(default_factory=dict)
    time_to_live: float | None = None


def parse(text: str, parameters: Mapping[str, Any]) -> list[Statement]:
    """Raises SyntaxInvalid."""
    parser = Parser(text, parameters)
    found: list[Statement] = []
    while parser.next.kind != "end":
        found.append(_statement(parser))
        while parser.take(";", ","):
            pass
    if not found or len(found) > _MOST:
        raise SyntaxInvalid(text, 1, f"an action has 1 to {_MOST} statements")
    return found


def _statement(parser: Parser) -> Statement:
    word = parser.take("SET", "REMOVE")
    if not word:
        raise parser.wrong("'SET' or 'REMOVE' is missing")
    start = parser.next
    target = parser.property()
    if not isinstance(target, Property):
        raise parser.wrong("a property is missing", start)
    if target.system and target.name.lower() not in _SETTABLE:
        raise parser.wrong(f"the system property 'sys.{target.name}' can't be set", start)
    if word == "REMOVE":
        return Statement(target, None)
    parser.need("=")
    return Statement(target, parser.expression())


class Performing:
    """An action at work on one message: each statement sees what those before it did."""

    def __init__(self, view: View) -> None:
        self.edits = Edits()
        self._view = view

    # -- what expressions see: a View with the edits so far

    def system(self, name: str) -> Any:
        key = name.lower()
        if key in FIELDS and FIELDS[key] in self.edits.fields:
            value = self.edits.fields[FIELDS[key]]
            return None if value is None else str(value)
        if key in ANNOTATIONS and ANNOTATIONS[key] in self.edits.annotations:
            return self.edits.annotations[ANNOTATIONS[key]]
        return self._view.system(name)

    def has(self, name: str) -> bool:
        spelling = self._spelling(name)
        return spelling in self.edits.user or (
            spelling not in self.edits.removed and self._view.has(name)
        )

    def user(self, name: str) -> Any:
        spelling = self._spelling(name)
        if spelling in self.edits.removed:
            return None
        return self.edits.user.get(spelling, self._view.user(name))

    # -- what statements do

    def perform(self, statement: Statement) -> None:
        """Raises FilterError."""
        name, system = statement.target.name, statement.target.system
        value = statement.expression.value(self) if statement.expression else None
        if system:
            self._set_system(name.lower(), value)
            return
        spelling = self._spelling(name)
        if statement.expression is None:
            self.edits.user.pop(spelling, None)
            self.edits.removed.add(spelling)
        else:
            self.edits.user[spelling] = _fitting(value, self.user(name))
            self.edits.removed.discard(spelling)

    def _set_system(self, key: str, value: Any) -> None:
        if key in FIELDS:
            text = None if value is None else _text(value)
            kind = Symbol if key == "contenttype" else str
            self.edits.fields[FIELDS[key]] = None if text is None else kind(text)
        elif key in ANNOTATIONS:
            self.edits.annotations[ANNOTATIONS[key]] = None if value is None else _text(value)
        elif key == "timetolive" and value is not None:
            if not values.is_number(value):
                raise FilterError(f"sys.TimeToLive can't be a {values.kind(value)}.")
            self.edits.time_to_live = float(value)
        # sys.ScheduledEnqueueTimeUtc is ignored on a subscription, as the service does.

    def _spelling(self, name: str) -> str:
        """As the message or an earlier statement has it."""
        for known in self.edits.user:
            if known.lower() == name.lower():
                return known
        return self._view.spelling(name)


def _fitting(value: Any, before: Any) -> Any:
    """The value in the kind that the property had, where it can be converted."""
    if isinstance(before, str) and value is not None:
        return _text(value)
    if values.is_number(before) and isinstance(before, int) and isinstance(value, float):
        return int(value) if value.is_integer() else value
    return value


def _text(value: Any) -> str:
    """As .NET writes it."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, Timestamp):
        raise FilterError("a time is no text.")
    return str(value)
