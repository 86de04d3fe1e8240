"""Rules whole: correlation filters, the plain ones, and what actions make of a message."""

import uuid
from typing import Any

import pytest

from retrain.local.servicebus.amqp import sections
from retrain.local.servicebus.rules.errors import FilterError, SyntaxInvalid
from retrain.local.servicebus.rules.rule import Rule
from retrain.local.servicebus.settings import (
    CorrelationFilter,
    FalseFilter,
    Filter,
    RuleSettings,
    SqlAction,
    SqlFilter,
    TrueFilter,
)
from tests.contract.servicebus.parts.rules.letters import letter, read, view

MESSAGE: dict[str, Any] = {
    "id": 7,
    "to": "Berlin",
    "label": "news",
    "type": "text/plain",
    "session": "s",
    "user": {"color": "blue", "n": 10, "half": 0.5, "yes": True},
}


def rule(filter_: Filter, action: str | None = None, **parameters: Any) -> Rule:
    acts = SqlAction(expression=action, parameters=parameters) if action is not None else None
    told = RuleSettings(topic="t", subscription="s", name="r", filter=filter_, action=acts)
    return Rule(told)


MATCHES: dict[str, tuple[Filter, bool]] = {
    "everything": (TrueFilter(), True),
    "nothing": (FalseFilter(), False),
    "sql": (SqlFilter(expression="color = 'blue'"), True),
    "sql with a parameter": (SqlFilter(expression="n = @n", parameters={"@n": 10}), True),
    "sql that knows not": (SqlFilter(expression="none = 1"), False),
    "no condition": (CorrelationFilter(), True),
    "a field": (CorrelationFilter(to="Berlin"), True),
    "a field in another case": (CorrelationFilter(to="berlin"), False),
    "a field that is not there": (CorrelationFilter(reply_to="x"), False),
    "a number as id": (CorrelationFilter(message_id="7"), True),
    "all fields": (CorrelationFilter(label="news", content_type="text/plain"), True),
    "all but one": (CorrelationFilter(label="news", session_id="other"), False),
    "a property": (CorrelationFilter(properties={"color": "blue"}), True),
    "a property by another case": (CorrelationFilter(properties={"COLOR": "blue"}), True),
    "a number": (CorrelationFilter(properties={"n": 10}), True),
    "a number as text": (CorrelationFilter(properties={"n": "10"}), False),
    "a truth": (CorrelationFilter(properties={"yes": True}), True),
    "one for true": (CorrelationFilter(properties={"yes": 1}), False),
    "a property that is not there": (CorrelationFilter(properties={"none": None}), False),
    "both": (CorrelationFilter(to="Berlin", properties={"half": 0.5}), True),
}


@pytest.mark.parametrize(("filter_", "expected"), MATCHES.values(), ids=MATCHES)
def test_it_matches(filter_: Filter, expected: bool) -> None:
    assert rule(filter_).matches(view(**MESSAGE)) is expected


MADE: dict[str, tuple[str, dict[str, Any]]] = {
    "a new one": ("SET new = 1", {"new": 1}),
    "another value": ("SET color = 'red'", {"color": "red"}),
    "by another case": ("SET COLOR = 'red'", {"color": "red"}),
    "half of it": ("SET n = n / 2;", {"n": 5}),
    "kept a number": ("SET n = 2.0", {"n": 2}),
    "kept a text": ("SET color = 5", {"color": "5"}),
    "one after another": ("SET n = n + 1; SET n = n + 1", {"n": 12}),
    "with a comma": ("SET n = 1, SET new = n", {"n": 1, "new": 1}),
    "gone": ("REMOVE color", {"color": ...}),
    "gone and back": ("REMOVE color; SET color = 7", {"color": 7}),
    "set and gone": ("SET new = 1 REMOVE NEW", {}),
    "null": ("SET color = none", {"color": None}),
    "never there": ("REMOVE none", {}),
    "a parameter": ("SET new = @p", {"new": "given"}),
    "from the service": ("SET new = sys.To", {"new": "Berlin"}),
    "from what was set": ("SET sys.To = 'Rome'; SET new = sys.To", {"new": "Rome"}),
    "brackets": ("SET [a b] = 'c'", {"a b": "c"}),
}


@pytest.mark.parametrize(("action", "changes"), MADE.values(), ids=MADE)
def test_properties_that_an_action_sets(action: str, changes: dict[str, Any]) -> None:
    message = letter(**MESSAGE)
    rule(TrueFilter(), action, p="given").act(message)
    user, _ = read(message)
    expected = {**MESSAGE["user"], **changes, "RuleName": "r"}
    assert user == {name: value for name, value in expected.items() if value is not ...}
    assert [type(value) for value in user.values()] == [type(user[name]) for name in user]
    assert message.content.endswith(b"the body")


SYSTEM: dict[str, tuple[str, str, Any]] = {
    "to": ("SET sys.To = 'Rome'", "To", "Rome"),
    "label": ("SET sys.label = 'l' + 'm'", "Label", "lm"),
    "content type": ("SET sys.ContentType = 'a/b'", "ContentType", "a/b"),
    "a field further on": ("SET sys.ReplyToSessionId = 'q'", "ReplyToSessionId", "q"),
    "a number": ("SET sys.CorrelationId = 5", "CorrelationId", "5"),
    "gone": ("REMOVE sys.Label", "Label", None),
    "partition": ("SET sys.PartitionKey = 'p'", "PartitionKey", "p"),
}


@pytest.mark.parametrize(("action", "name", "value"), SYSTEM.values(), ids=SYSTEM)
def test_the_services_properties_that_an_action_sets(action: str, name: str, value: Any) -> None:
    message = letter(**MESSAGE)
    rule(TrueFilter(), action).act(message)
    assert read(message)[1].system(name) == value
    assert [code for code, *_ in sections(message.content)] == [0x73, 0x74, 0x75]


def test_what_the_service_acts_on_changes_with_it() -> None:
    message = letter(**MESSAGE)
    action = "SET sys.MessageId = newid(); SET sys.SessionId = 'other'; SET sys.TimeToLive = 5"
    rule(TrueFilter(), action).act(message)
    assert uuid.UUID(message.message_id).version == 4
    assert (message.session_id, message.time_to_live) == ("other", 5.0)


@pytest.mark.parametrize(
    "action", ["SET a = 1 / 0", "SET a = sys.Nothing", "SET sys.TimeToLive = 'x'"]
)
def test_an_action_that_fails(action: str) -> None:
    with pytest.raises(FilterError):
        rule(TrueFilter(), action).act(letter(**MESSAGE))


def test_a_rule_that_can_not_be_read() -> None:
    with pytest.raises(SyntaxInvalid):
        rule(SqlFilter(expression="a ="))
    with pytest.raises(SyntaxInvalid):
        rule(TrueFilter(), "SET a")
