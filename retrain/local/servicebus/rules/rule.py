"""A rule, compiled: does it take a message, and what does it make of it."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from retrain.local.servicebus.messages import Message
from retrain.local.servicebus.rewriting import annotate, rewrite
from retrain.local.servicebus.rules import actions
from retrain.local.servicebus.rules.parser import Parser, known
from retrain.local.servicebus.rules.values import equal
from retrain.local.servicebus.rules.view import View
from retrain.local.servicebus.settings import (
    CorrelationFilter,
    FalseFilter,
    Filter,
    RuleSettings,
    SqlFilter,
    TrueFilter,
)

Matches = Callable[[View], bool]

#: Fields of a correlation filter, and which of AMQP's properties each is equal to.
_CORRELATED: Final = {
    "message_id": 0,
    "to": 2,
    "label": 3,
    "reply_to": 4,
    "correlation_id": 5,
    "content_type": 6,
    "session_id": 10,
    "reply_to_session_id": 12,
}
#: What a copy carries that a rule with an action made.
_RULE_NAME: Final = "RuleName"


class Rule:
    """acts: it has an action, so that it makes a copy of its own."""

    def __init__(self, settings: RuleSettings) -> None:
        """Raises SyntaxInvalid."""
        self.settings = settings
        self.matches = _matcher(settings.filter)
        action = settings.action
        self._statements = actions.parse(action.expression, action.parameters) if action else []
        self.acts = action is not None

    def act(self, message: Message) -> None:
        """Change the subscription's copy of a message as the action says. Raises FilterError."""
        performing = actions.Performing(View(message))
        for statement in self._statements:
            performing.perform(statement)
        edits = performing.edits
        user = {**edits.user, _RULE_NAME: self.settings.name}
        rewrite(message, fields=edits.fields, user=user, removed=frozenset(edits.removed))
        if edits.annotations:
            annotate(message, edits.annotations)
        if 0 in edits.fields:
            message.message_id = edits.fields[0]
        if 10 in edits.fields:
            message.session_id = edits.fields[10]
        if edits.time_to_live is not None:
            message.time_to_live = edits.time_to_live


def _matcher(told: Filter) -> Matches:
    match told:
        case TrueFilter():
            return lambda view: True
        case FalseFilter():
            return lambda view: False
        case SqlFilter():
            predicate = Parser(told.expression, told.parameters).whole_predicate()
            return lambda view: predicate.holds(view) is True
        case CorrelationFilter():
            return partial(_correlates, *_conditions(told))


def _conditions(told: CorrelationFilter) -> tuple[list[tuple[int, str]], list[tuple[str, Any]]]:
    fields = [
        (index, getattr(told, name))
        for name, index in _CORRELATED.items()
        if getattr(told, name) is not None
    ]
    return fields, [(name, known(value)) for name, value in told.properties.items()]


def _correlates(
    fields: list[tuple[int, str]], properties: list[tuple[str, Any]], view: View
) -> bool:
    """Ids are compared as text, whatever AMQP type they have."""
    for index, wanted in fields:
        value = view.field(index)
        if value is None or str(value) != wanted:
            return False
    return all(view.has(name) and equal(view.user(name), wanted) for name, wanted in properties)
