"""Topics, subscriptions and rules, by the SDK's administration clients."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.management import (
    CorrelationRuleFilter,
    FalseRuleFilter,
    SqlRuleAction,
    SqlRuleFilter,
    TrueRuleFilter,
)

from tests.contract.servicebus.emulator import Emulator

pytestmark = pytest.mark.xdist_group("servicebus admin topics")

TOPIC: dict[str, Any] = {
    "default_message_time_to_live": timedelta(days=2),
    "max_size_in_megabytes": 3072,
    "requires_duplicate_detection": True,
    "duplicate_detection_history_time_window": timedelta(minutes=3),
    "enable_batched_operations": False,
    "support_ordering": False,
    "auto_delete_on_idle": timedelta(minutes=10),
    "enable_partitioning": True,
    "enable_express": True,
    "user_metadata": "news",
    "max_message_size_in_kilobytes": 2048,
    "status": "Disabled",
}
SUBSCRIPTION: dict[str, Any] = {
    "lock_duration": timedelta(seconds=7),
    "requires_session": True,
    "default_message_time_to_live": timedelta(hours=5),
    "dead_lettering_on_message_expiration": True,
    "dead_lettering_on_filter_evaluation_exceptions": False,
    "max_delivery_count": 5,
    "enable_batched_operations": False,
    "user_metadata": "all news",
    "auto_delete_on_idle": timedelta(days=1),
    "status": "ReceiveDisabled",
}
VALUES: dict[str, Any] = {
    "text": " <x> & y ",
    "number": -7,
    "long": 1 << 40,
    "real": 2.5,
    "yes": True,
    "time": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    "span": timedelta(days=1, hours=2, seconds=3),
}
FILTERS: dict[str, Any] = {
    "all fields": CorrelationRuleFilter(
        correlation_id="c",
        message_id="m",
        to="t",
        reply_to="r",
        label="l",
        session_id="s",
        reply_to_session_id="rs",
        content_type="text/plain",
    ),
    "properties": CorrelationRuleFilter(properties=VALUES),
    "sql": SqlRuleFilter("color = @color AND size > 3", {"@color": "red", "@size": 3}),
    "true": TrueRuleFilter(),
    "false": FalseRuleFilter(),
}


def told(value: Any) -> dict[str, Any]:
    """What a filter or action says; of properties that are not there, nothing."""
    kept = {name: each for name, each in vars(value).items() if each}
    kept.pop("requires_preprocessing", None)  # the service does not answer it
    return kept


@pytest.fixture
def topic(admin: Any, name: str) -> str:
    admin.create_topic(name)
    return name


def seen(properties: Any, terms: dict[str, Any]) -> dict[str, Any]:
    return {key: getattr(properties, key) for key in terms}


# -- topics


def test_a_topic_with_everything(admin: Any, name: str) -> None:
    assert seen(admin.create_topic(name, **TOPIC), TOPIC) == TOPIC
    assert seen(admin.get_topic(name), TOPIC) == TOPIC


def test_topics_change_and_go(admin: Any, topic: str) -> None:
    found = admin.get_topic(topic)
    found.default_message_time_to_live = timedelta(minutes=1)
    admin.update_topic(found)
    assert admin.get_topic(topic).default_message_time_to_live == timedelta(minutes=1)
    with pytest.raises(HttpResponseError, match="cannot be changed"):
        admin.update_topic(found, requires_duplicate_detection=True)
    admin.delete_topic(topic)
    with pytest.raises(ResourceNotFoundError):
        admin.get_topic(topic)
    with pytest.raises(ResourceNotFoundError):
        admin.update_topic(found)


def test_lists_of_topics(admin: Any, topic: str) -> None:
    admin.create_topic(f"{topic}-2")
    names = [each.name for each in admin.list_topics(max_page_size=1)]
    assert {topic, f"{topic}-2"} <= set(names)
    counted = admin.list_topics_runtime_properties(max_page_size=1)
    assert [each.name for each in counted] == names


def test_what_a_topic_holds(admin: Any, emulator: Emulator, topic: str) -> None:
    admin.create_subscription(topic, "one")
    admin.create_subscription(topic, "two")
    admin.create_rule(topic, "two", "extra", filter=CorrelationRuleFilter(label="x"))
    later = datetime.now(UTC) + timedelta(hours=1)
    with (
        ServiceBusClient.from_connection_string(emulator.connection_string) as client,
        client.get_topic_sender(topic) as sender,
    ):
        sender.send_messages(ServiceBusMessage("now"))
        sender.schedule_messages([ServiceBusMessage("later")], later)
    found = admin.get_topic_runtime_properties(topic)
    assert (found.subscription_count, found.scheduled_message_count) == (2, 1)
    assert (found.sql_filter_count, found.correlation_filter_count) == (2, 1)
    assert found.size_in_bytes > 0
    below = admin.get_subscription_runtime_properties(topic, "one")
    assert (below.active_message_count, below.total_message_count) == (1, 1)
    assert (below.dead_letter_message_count, below.transfer_message_count) == (0, 0)


# -- subscriptions


def test_a_subscription_with_everything(admin: Any, topic: str) -> None:
    made = admin.create_subscription(topic, "all", **SUBSCRIPTION)
    assert seen(made, SUBSCRIPTION) == SUBSCRIPTION
    assert seen(admin.get_subscription(topic, "all"), SUBSCRIPTION) == SUBSCRIPTION


def test_subscriptions_change_and_go(admin: Any, topic: str) -> None:
    admin.create_queue(f"{topic}-q")
    found = admin.create_subscription(topic, "all", forward_to=f"{topic}-q")
    found.max_delivery_count = 4
    found.forward_to = None
    found.forward_dead_lettered_messages_to = f"{topic}-q"
    admin.update_subscription(topic, found)
    changed = admin.get_subscription(topic, "all")
    assert (changed.max_delivery_count, changed.forward_to) == (4, None)
    assert changed.forward_dead_lettered_messages_to.endswith(f"/{topic}-q")
    with pytest.raises(HttpResponseError, match="cannot be changed"):
        admin.update_subscription(topic, changed, requires_session=True)
    admin.delete_subscription(topic, "all")
    for ask in (admin.get_subscription, admin.delete_subscription):
        with pytest.raises(ResourceNotFoundError):
            ask(topic, "all")
    with pytest.raises(ResourceNotFoundError):
        admin.update_subscription(topic, changed)


def test_lists_of_subscriptions(admin: Any, topic: str) -> None:
    names = [f"s{number}" for number in range(5)]
    for each in names:
        admin.create_subscription(topic, each)
    assert [each.name for each in admin.list_subscriptions(topic, max_page_size=2)] == names
    counted = admin.list_subscriptions_runtime_properties(topic, max_page_size=2)
    assert [each.name for each in counted] == names
    with pytest.raises(ResourceNotFoundError):
        admin.list_subscriptions("nowhere")


def test_refused_subscriptions(admin: Any, topic: str) -> None:
    admin.create_subscription(topic, "all")
    with pytest.raises(ResourceExistsError):
        admin.create_subscription(topic, "ALL")
    with pytest.raises(ResourceNotFoundError):
        admin.create_subscription("nowhere", "all")
    with pytest.raises(HttpResponseError, match="can't be a name"):
        admin.create_subscription(topic, "s" * 51)


# -- rules


@pytest.mark.parametrize("filter_", FILTERS.values(), ids=FILTERS)
def test_filters(admin: Any, topic: str, filter_: Any) -> None:
    admin.create_subscription(topic, "all")
    made = admin.create_rule(topic, "all", "rule", filter=filter_)
    found = admin.get_rule(topic, "all", "rule")
    for each in (made, found):
        assert type(each.filter) is type(filter_)
        if not isinstance(filter_, FalseRuleFilter):  # it is written 1>1 there, and 1=0 here
            assert told(each.filter) == told(filter_)
        assert (each.name, each.action) == ("rule", None)
    assert found.created_at_utc == made.created_at_utc


def test_actions(admin: Any, topic: str) -> None:
    admin.create_subscription(topic, "all")
    action = SqlRuleAction("SET Priority = @priority", {"@priority": 7})
    admin.create_rule(topic, "all", "rule", action=action)
    found = admin.get_rule(topic, "all", "rule")
    assert told(found.action) == told(action)
    assert isinstance(found.filter, TrueRuleFilter)


def test_rules_change_and_go(admin: Any, topic: str) -> None:
    admin.create_subscription(topic, "all")
    assert [each.name for each in admin.list_rules(topic, "all")] == ["$Default"]
    admin.delete_rule(topic, "all", "$Default")
    rule = admin.create_rule(topic, "all", "rule", filter=SqlRuleFilter("a = 1"))
    rule.filter = SqlRuleFilter("a = 2")
    admin.update_rule(topic, "all", rule)
    assert admin.get_rule(topic, "all", "rule").filter.sql_expression == "a = 2"
    with pytest.raises(ResourceExistsError):
        admin.create_rule(topic, "all", "rule")
    admin.delete_rule(topic, "all", "rule")
    for ask in (admin.get_rule, admin.delete_rule):
        with pytest.raises(ResourceNotFoundError):
            ask(topic, "all", "rule")
    with pytest.raises(ResourceNotFoundError):
        admin.update_rule(topic, "all", rule)
    with pytest.raises(ResourceNotFoundError):
        admin.list_rules(topic, "nowhere")


def test_lists_of_rules(admin: Any, topic: str) -> None:
    admin.create_subscription(topic, "all")
    for name, filter_ in FILTERS.items():
        admin.create_rule(topic, "all", name.replace(" ", "-"), filter=filter_)
    listed = {each.name: each for each in admin.list_rules(topic, "all", max_page_size=2)}
    assert len(listed) == len(FILTERS) + 1
    assert listed["properties"].filter.properties == VALUES


def test_names_of_the_namespace(admin: Any) -> None:
    found = admin.get_namespace_properties()
    assert (found.name, found.messaging_sku, found.namespace_type) == (
        "tests",
        "Standard",
        "Messaging",
    )
