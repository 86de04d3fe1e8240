"""Rules as XML: a filter, an action, and their typed values."""

from collections.abc import Callable
from typing import Any, Final
from xml.etree.ElementTree import Element

from retrain.local.servicebus.admin.markup import child, kind, text, texts, write, write_all
from retrain.local.servicebus.admin.values import read_values, write_values
from retrain.local.servicebus.errors import BadRequest
from retrain.local.servicebus.settings import (
    CorrelationFilter,
    FalseFilter,
    Filter,
    RuleSettings,
    SqlAction,
    SqlFilter,
    TrueFilter,
)

#: The only version of the service's SQL that there is.
_LEVEL: Final = ("CompatibilityLevel", "20")
#: By element, the field; in the service's order.
_CORRELATION: Final = {
    "CorrelationId": "correlation_id",
    "MessageId": "message_id",
    "To": "to",
    "ReplyTo": "reply_to",
    "Label": "label",
    "SessionId": "session_id",
    "ReplyToSessionId": "reply_to_session_id",
    "ContentType": "content_type",
}


def read_rule(element: Element, topic: str, subscription: str, name: str) -> RuleSettings:
    """A RuleDescription. Raises BadRequest."""
    filter_, action = child(element, "Filter"), child(element, "Action")
    return RuleSettings(
        topic=topic,
        subscription=subscription,
        name=name,
        filter=TrueFilter() if filter_ is None else _read_filter(filter_),
        action=None if action is None else _read_action(action),
    )


def _read_filter(element: Element) -> Filter:
    read = _FILTERS.get(kind(element))
    if read is None:
        raise BadRequest(f"A rule's filter can't be of type '{kind(element)}'.")
    return read(element)


def _read_correlation(element: Element) -> CorrelationFilter:
    told = texts(element)
    fields: dict[str, Any] = {
        field: told[name] for name, field in _CORRELATION.items() if name in told
    }
    return CorrelationFilter(**fields, properties=read_values(child(element, "Properties")))


def _read_sql(element: Element) -> SqlFilter:
    return SqlFilter(**_sql(element))


def _read_action(element: Element) -> SqlAction | None:
    if kind(element) == "EmptyRuleAction":
        return None
    if kind(element) != "SqlRuleAction":
        raise BadRequest(f"A rule's action can't be of type '{kind(element)}'.")
    return SqlAction(**_sql(element))


def _sql(element: Element) -> dict[str, Any]:
    expression = texts(element).get("SqlExpression")
    if not expression:
        raise BadRequest("A rule's SqlExpression is missing.")
    return {
        "expression": expression,
        "parameters": read_values(child(element, "Parameters")),
    }


_FILTERS: Final[dict[str, Callable[[Element], Filter]]] = {
    "CorrelationFilter": _read_correlation,
    "SqlFilter": _read_sql,
    "TrueFilter": lambda _: TrueFilter(),
    "FalseFilter": lambda _: FalseFilter(),
}


def write_rule(rule: RuleSettings, created_at: str) -> str:
    """What is inside its RuleDescription."""
    if rule.action is None:
        action = write("Action", None, {"i:type": "EmptyRuleAction"})
    else:
        action = write(
            "Action",
            _written_sql(rule.action.expression, rule.action.parameters),
            {"i:type": "SqlRuleAction"},
        )
    return (
        _write_filter(rule.filter)
        + action
        + write_all([("CreatedAt", created_at), ("Name", rule.name)])
    )


def _write_filter(filter_: Filter) -> str:
    match filter_:
        case CorrelationFilter():
            fields = ((name, getattr(filter_, field)) for name, field in _CORRELATION.items())
            inside = write_all(fields) + _written_values("Properties", filter_.properties)
        case SqlFilter():
            inside = _written_sql(filter_.expression, filter_.parameters)
        case TrueFilter():
            inside = _written_sql("1=1", {})
        case _:
            inside = _written_sql("1=0", {})
    return write("Filter", inside, {"i:type": type(filter_).__name__})


def _written_sql(expression: str, parameters: Any) -> str:
    told = write("SqlExpression", text(expression)) + write_all([_LEVEL])
    return told + _written_values("Parameters", parameters)


def _written_values(name: str, values: Any) -> str:
    return write(name, write_values(dict(values)) or None)
