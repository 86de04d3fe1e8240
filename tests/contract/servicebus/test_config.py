"""Config.json in the form of Microsoft's emulator; what is wrong in it is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from retrain.local.servicebus import ConfigError, read_config
from retrain.local.servicebus.settings import CorrelationFilter, SqlAction
from tests.contract.servicebus.emulator import write_config

_QUEUE = {
    "DeadLetteringOnMessageExpiration": False,
    "DefaultMessageTimeToLive": "PT1H",
    "DuplicateDetectionHistoryTimeWindow": "PT20S",
    "ForwardDeadLetteredMessagesTo": "",
    "ForwardTo": "",
    "LockDuration": "PT1M",
    "MaxDeliveryCount": 3,
    "RequiresDuplicateDetection": False,
    "RequiresSession": False,
}
_SUBSCRIPTION = {
    name: value for name, value in _QUEUE.items() if not name.startswith(("Dup", "RequiresDup"))
}
_CORRELATION = {
    "ContentType": "application/text",
    "CorrelationId": "id1",
    "Label": "subject1",
    "MessageId": "msgid1",
    "ReplyTo": "someQueue",
    "ReplyToSessionId": "sessionId",
    "SessionId": "session1",
    "To": "xyz",
}
_SQL = {
    "FilterType": "Sql",
    "SqlFilter": {"SqlExpression": "sys.MessageId = '123456' AND userProp1 = 'value1'"},
    "Action": {"SqlExpression": "SET sys.To = 'Entity'"},
}


def rule(name: str, **properties: Any) -> dict[str, Any]:
    return {"Name": name, "Properties": properties}


def subscription(name: str, *rules: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"Name": name, "Properties": {**_SUBSCRIPTION, **properties}, "Rules": list(rules)}


def topic(*subscriptions: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"Name": "topic.1", "Properties": properties, "Subscriptions": list(subscriptions)}


#: The topic of Microsoft's own sample, whose queue has the terms above.
SAMPLE = topic(
    subscription(
        "subscription.1",
        rule("app-prop-filter-1", FilterType="Correlation", CorrelationFilter=_CORRELATION),
    ),
    subscription(
        "subscription.2",
        rule(
            "user-prop-filter-1",
            FilterType="Correlation",
            CorrelationFilter={"Properties": {"prop1": "value1"}},
        ),
    ),
    subscription("subscription.3"),
    subscription("subscription.4", rule("sql-filter-1", **_SQL)),
    DefaultMessageTimeToLive="PT1H",
    DuplicateDetectionHistoryTimeWindow="PT20S",
    RequiresDuplicateDetection=False,
)


def test_microsofts_sample_is_read(tmp_path: Path) -> None:
    config = read_config(write_config(tmp_path, {"queue.1": _QUEUE}, [SAMPLE]))
    assert [queue.name for queue in config.queues] == ["queue.1"]
    assert [each.time_to_live for each in config.topics] == [3600.0]
    names = [f"subscription.{number}" for number in (1, 2, 3, 4)]
    assert [each.name for each in config.subscriptions] == names
    assert {each.max_delivery_count for each in config.subscriptions} == {3}
    first, second, third = config.rules
    assert isinstance(first.filter, CorrelationFilter)
    assert (first.filter.label, first.filter.reply_to_session_id) == ("subject1", "sessionId")
    assert isinstance(second.filter, CorrelationFilter)
    assert second.filter.properties == {"prop1": "value1"}
    assert (third.subscription, third.action) == (
        "subscription.4",
        SqlAction(expression="SET sys.To = 'Entity'"),
    )


def test_the_products_own_file_is_read() -> None:
    config = read_config(Path("retrain/local/queues.json"))
    assert [queue.name for queue in config.queues] == ["training-requests", "run-events"]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no duration": ({"LockDuration": "60"}, "LockDuration"),
    "a lock that is too long": ({"LockDuration": "PT6M"}, "LockDuration"),
    "a number as text": ({"MaxDeliveryCount": "many"}, "MaxDeliveryCount"),
    "no delivery at all": ({"MaxDeliveryCount": 0}, "MaxDeliveryCount"),
    "no truth value": ({"RequiresSession": "perhaps"}, "RequiresSession"),
    "a typing error": ({"RequireSession": True}, "RequireSession: .* mean 'RequiresSession'"),
}


@pytest.mark.parametrize(("terms", "field"), WRONG.values(), ids=WRONG)
def test_a_wrong_property_is_named(tmp_path: Path, terms: dict[str, Any], field: str) -> None:
    path = write_config(tmp_path, {"q": terms})
    with pytest.raises(ConfigError, match=field) as caught:
        read_config(path)
    assert str(path) in str(caught.value)


WRONG_TOPICS: dict[str, tuple[dict[str, Any], str]] = {
    "a typing error": (
        topic(DefaultTimeToLive="PT1H"),
        r"Topics\[0\].Properties.DefaultTimeToLive",
    ),
    "a lock of a topic": (
        topic(LockDuration="PT1M"),
        r"Topics\[0\].Properties.LockDuration: .* no such field here$",
    ),
    "duplicates of a subscription": (
        topic(subscription("s", RequiresDuplicateDetection=True)),
        r"Subscriptions\[0\].Properties.RequiresDuplicateDetection",
    ),
    "two of one name": (topic(subscription("s"), subscription("S")), "'topic.1/subscriptions/s'"),
    "a name that is too long": (topic(subscription("s" * 51)), r"Subscriptions\[0\].Name"),
    "a condition": (
        topic(subscription("s", rule("r", FilterType="Sql", SqlFilter={"SqlExpression": "a ="}))),
        r"Rules\[0\].Properties.SqlFilter.SqlExpression: .*position 4",
    ),
    "an action": (
        topic(subscription("s", rule("r", **{**_SQL, "Action": {"SqlExpression": "GET a"}}))),
        r"Rules\[0\].Properties.Action.SqlExpression: .*position 1",
    ),
    "no filter": (topic(subscription("s", rule("r", FilterType="Sql"))), "FilterType Sql"),
    "the other filter": (
        topic(subscription("s", rule("r", FilterType="Sql", CorrelationFilter=_CORRELATION))),
        "FilterType Sql",
    ),
    "an unknown filter": (topic(subscription("s", rule("r", FilterType="Xml"))), "FilterType"),
    "a field of a filter": (
        topic(
            subscription(
                "s", rule("r", FilterType="Correlation", CorrelationFilter={"Subject": "x"})
            )
        ),
        "CorrelationFilter.Subject",
    ),
    "forwards to nowhere": (topic(subscription("s", ForwardTo="none")), "forward to 'none'"),
    "forwards with sessions": (
        topic(subscription("s", ForwardTo="topic.1", RequiresSession=True)),
        "sessions",
    ),
}


@pytest.mark.parametrize(("declared", "told"), WRONG_TOPICS.values(), ids=WRONG_TOPICS)
def test_what_is_wrong_in_a_topic(tmp_path: Path, declared: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read_config(write_config(tmp_path, {}, [declared]))


def test_two_entities_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?i)queue"):
        read_config(write_config(tmp_path, {"same": {}, "SAME": {}}))
    with pytest.raises(ConfigError, match=r"topic\.1"):
        read_config(write_config(tmp_path, {"topic.1": {}}, [topic()]))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", json.dumps({"UserConfig": {"Namespaces": 3}})]
)
def test_no_config_at_all(tmp_path: Path, text: str) -> None:
    path = tmp_path / "Config.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=r"Config\.json"):
        read_config(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.json"):
        read_config(tmp_path / "none.json")
