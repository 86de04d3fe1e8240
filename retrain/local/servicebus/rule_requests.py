"""Rules of a subscription, asked for over AMQP as .NET's, Java's and Go's rule managers do.

A rule comes as maps of names and goes as described lists; both forms are Service Bus's own.
"""

from datetime import UTC, datetime
from typing import Any, Final

from retrain.local.servicebus.amqp import Described, Timestamp, ULong
from retrain.local.servicebus.engine.namespace import Namespace
from retrain.local.servicebus.errors import BadRequest, NotAllowed
from retrain.local.servicebus.rules.parser import known
from retrain.local.servicebus.settings import (
    CorrelationFilter,
    FalseFilter,
    Filter,
    RuleSettings,
    SqlAction,
    SqlFilter,
    SubscriptionSettings,
    TrueFilter,
)

_DESCRIPTION, _NO_ACTION, _ACTION = 0x13700000004, 0x13700000005, 0x13700000006
_SQL, _TRUE, _FALSE, _CORRELATION = 0x1370000006, 0x1370000007, 0x1370000008, 0x1370000009
#: Fields of a correlation filter, in the order of its list.
_FIELDS: Final = (
    *("correlation_id", "message_id", "to", "reply_to", "label", "session_id"),
    *("reply_to_session_id", "content_type"),
)
_PROPERTY_KINDS: Final = (bool, int, float, str)


def subscription(namespace: Namespace, path: str) -> SubscriptionSettings:
    """Raises EntityNotFound, NotAllowed when something else is there."""
    found = namespace.describe(path).settings
    if not isinstance(found, SubscriptionSettings):
        raise NotAllowed(f"'{path}' is no subscription: it has no rules.")
    return found


def add(namespace: Namespace, path: str, name: str, description: dict[Any, Any]) -> None:
    """Raises BadRequest, SyntaxInvalid, EntityExists."""
    parent = subscription(namespace, path)
    namespace.create(
        RuleSettings(
            topic=parent.topic,
            subscription=parent.name,
            name=name,
            filter=_filter(description),
            action=_action(description.get("sql-rule-action")),
        )
    )


def remove(namespace: Namespace, path: str, name: str) -> None:
    """Raises EntityNotFound."""
    parent = subscription(namespace, path)
    namespace.delete(namespace.rule(parent.topic, parent.name, name).settings.path)


def page(namespace: Namespace, path: str, skip: int, top: int) -> list[dict[str, Any]]:
    """By name."""
    parent = subscription(namespace, path)
    found = namespace.rules(parent.topic, parent.name)
    return [{"rule-description": _described(rule.settings)} for rule in found[skip : skip + top]]


def _filter(description: dict[Any, Any]) -> Filter:
    sql, correlation = description.get("sql-filter"), description.get("correlation-filter")
    if isinstance(sql, dict):
        return SqlFilter(expression=_text(sql, "expression"))
    if not isinstance(correlation, dict):
        raise BadRequest("A rule needs a 'sql-filter' or a 'correlation-filter'.")
    fields: dict[str, Any] = {name: correlation.get(name.replace("_", "-")) for name in _FIELDS}
    if not all(isinstance(value, str | None) for value in fields.values()):
        raise BadRequest("The fields of a 'correlation-filter' must be texts.")
    properties = correlation.get("properties") or {}
    fields["properties"] = {str(name): _value(value) for name, value in properties.items()}
    return CorrelationFilter(**fields)


def _value(value: Any) -> Any:
    if isinstance(value, Timestamp):
        return datetime.fromtimestamp(value / 1000, UTC)
    if not isinstance(value, _PROPERTY_KINDS):
        raise BadRequest(f"A rule can't compare with a {type(value).__name__}.")
    return str(value) if isinstance(value, str) else value


def _action(told: Any) -> SqlAction | None:
    return SqlAction(expression=_text(told, "expression")) if isinstance(told, dict) else None


def _text(told: dict[Any, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str):
        raise BadRequest(f"'{name}' of a rule must be a text.")
    return value


def _described(rule: RuleSettings) -> Described:
    action = rule.action
    acts = Described(ULong(_ACTION), [action.expression]) if action else None
    nothing = Described(ULong(_NO_ACTION), [])
    return Described(
        ULong(_DESCRIPTION), [_described_filter(rule.filter), acts or nothing, rule.name]
    )


def _described_filter(told: Filter) -> Described:
    match told:
        case TrueFilter():
            return Described(ULong(_TRUE), [])
        case FalseFilter():
            return Described(ULong(_FALSE), [])
        case SqlFilter():
            return Described(ULong(_SQL), [told.expression])
        case CorrelationFilter():
            values: list[Any] = [getattr(told, name) for name in _FIELDS]
            properties = {name: known(value) for name, value in told.properties.items()}
            return Described(ULong(_CORRELATION), [*values, properties])
