"""Whatever a message carries: a rule judges it or says that it can't, and nothing else happens."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.local.servicebus.amqp import Symbol, Timestamp, sections
from retrain.local.servicebus.rules.errors import FilterError
from retrain.local.servicebus.rules.rule import Rule
from retrain.local.servicebus.rules.view import View
from retrain.local.servicebus.settings import (
    CorrelationFilter,
    RuleSettings,
    SqlAction,
    SqlFilter,
    TrueFilter,
)
from tests.contract.servicebus.parts.rules.letters import letter, read

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=8),
    st.uuids(),
    st.integers(-(1 << 40), 1 << 40).map(Timestamp),
    st.sampled_from(["symbol", "other"]).map(Symbol),
    st.lists(st.integers(0, 9), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(0, 9), max_size=2),
)
letters = st.dictionaries(st.sampled_from(["a", "A", "b", "c d"]), values, max_size=4)

CONDITIONS = (
    "a = b",
    "a < b OR NOT a >= b",
    "a + b * 2 > -a",
    "a LIKE b ESCAPE 'x'",
    "a IN (b, 1, 'x') AND EXISTS(b)",
    "p(a) IS NULL OR p('c d') = b",
    "a / b % a <> newid()",
)
ACTIONS = (
    "SET a = b; REMOVE [c d]; SET b = a",
    "SET new = a + b",
    "SET a = a / b, SET sys.Label = b",
    "SET sys.MessageId = a; SET sys.SessionId = b; SET sys.TimeToLive = a",
    "SET sys.PartitionKey = a; REMOVE a; REMOVE b",
)


def rule(**terms: Any) -> Rule:
    return Rule(RuleSettings(topic="t", subscription="s", name="r", **terms))


@pytest.mark.parametrize("condition", CONDITIONS)
@given(user=letters)
def test_a_condition(condition: str, user: dict[str, Any]) -> None:
    sql = rule(filter=SqlFilter(expression=condition))
    try:
        judged: object = sql.matches(View(letter(user=user)))
    except FilterError as error:
        judged = error
    assert isinstance(judged, bool | FilterError)


@given(user=letters, wanted=values)
def test_a_correlation(user: dict[str, Any], wanted: Any) -> None:
    equal = rule(filter=CorrelationFilter(properties={"a": wanted}))
    assert isinstance(equal.matches(View(letter(user=user))), bool)


@pytest.mark.parametrize("action", ACTIONS)
@given(user=letters)
def test_an_action(action: str, user: dict[str, Any]) -> None:
    message = letter(user=user, label="l", partition="p")
    before = message.content
    acting = rule(filter=TrueFilter(), action=SqlAction(expression=action))
    try:
        acting.act(message)
    except FilterError:
        assert message.content == before
        return
    assert read(message)[0]["RuleName"] == "r"
    assert [code for code, *_ in sections(message.content)] == [0x73, 0x74, 0x75]
