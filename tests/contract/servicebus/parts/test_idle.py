"""Entities that go when nobody uses them, and what counts as use."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from retrain.local.servicebus import NamespaceSettings, QueueSettings
from retrain.local.servicebus.errors import EntityNotFound
from retrain.local.servicebus.settings import RuleSettings, SubscriptionSettings, TopicSettings
from tests.contract.servicebus.parts.desk import Desk, Taker, message

HOUR = 3600.0
SETTINGS = NamespaceSettings(
    queues=(QueueSettings(name="q"), QueueSettings(name="sessions", sessions=True)),
    topics=(TopicSettings(name="t", auto_delete_on_idle=HOUR),),
    subscriptions=(
        SubscriptionSettings(topic="t", name="s", auto_delete_on_idle=2 * HOUR),
        SubscriptionSettings(topic="t", name="on", auto_delete_on_idle=HOUR, forward_to="q"),
    ),
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path, settings=SETTINGS)
    made.namespace.create(QueueSettings(name="idle", auto_delete_on_idle=HOUR))
    yield made
    made.close()


def there(desk: Desk, path: str) -> bool:
    try:
        desk.namespace.find(path)
    except EntityNotFound:
        return False
    return True


def test_an_idle_queue_is_gone_with_all_that_is_in_it(desk: Desk) -> None:
    desk.namespace.receiving("idle").put([message(b"x")])
    desk.clock.go(HOUR - 1)
    assert there(desk, "idle")
    desk.clock.go(1)
    for _ in range(2):
        assert not there(desk, "idle")
        assert not there(desk, "idle/$DeadLetterQueue")
        desk.restart()


USES: dict[str, Callable[[Desk], object]] = {
    "sent": lambda desk: desk.namespace.receiving("idle").put([message(b"x")]),
    "peeked": lambda desk: desk.namespace.receiving("idle").peek(1, 1, None),
    "received from": lambda desk: desk.namespace.receiving("idle").credit(Taker(0)),
    "dead letters": lambda desk: desk.namespace.receiving("idle/$DeadLetterQueue").credit(Taker(0)),
    "changed": lambda desk: desk.namespace.update(
        replace(desk.namespace.queue("idle").settings, lock_seconds=5)
    ),
    "restarted": lambda desk: desk.restart(),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_use_puts_it_off(desk: Desk, use: Callable[[Desk], object]) -> None:
    desk.clock.go(HOUR - 1)
    use(desk)
    desk.clock.go(HOUR - 1)
    assert there(desk, "idle")


def test_a_receiver_that_waits_is_use(desk: Desk) -> None:
    taker = Taker()
    desk.namespace.receiving("idle").credit(taker)
    desk.clock.go(10 * HOUR)
    assert there(desk, "idle")
    desk.namespace.receiving("idle").leave(taker)
    desk.clock.go(HOUR)
    assert not there(desk, "idle")


def test_a_scheduled_message_is_use(desk: Desk) -> None:
    desk.namespace.receiving("idle").put([message(b"x", at=desk.clock.now() + 5 * HOUR)])
    desk.clock.go(5 * HOUR)
    assert there(desk, "idle")
    desk.clock.go(HOUR)
    assert not there(desk, "idle")


def test_it_can_be_told_to_stay(desk: Desk) -> None:
    stays = replace(desk.namespace.queue("idle").settings, auto_delete_on_idle=None)
    desk.namespace.update(stays)
    desk.clock.go(10 * HOUR)
    assert there(desk, "idle")


def test_a_topic_is_idle_with_all_its_subscriptions(desk: Desk) -> None:
    desk.clock.go(HOUR - 1)
    desk.namespace.receiving("t/Subscriptions/s").peek(1, 1, None)
    desk.clock.go(HOUR - 1)
    assert there(desk, "t")
    desk.clock.go(1)
    assert not there(desk, "t")
    assert not there(desk, "t/Subscriptions/s")


def test_a_rule_is_use_of_its_subscription(desk: Desk) -> None:
    desk.namespace.update(TopicSettings(name="t"))
    desk.clock.go(2 * HOUR - 1)
    desk.namespace.create(RuleSettings(topic="t", subscription="s", name="r"))
    desk.clock.go(HOUR)
    assert there(desk, "t/Subscriptions/s")
    desk.clock.go(HOUR)
    assert [there(desk, "t"), there(desk, "t/Subscriptions/s")] == [True, False]


def test_what_forwards_is_never_idle(desk: Desk) -> None:
    desk.namespace.update(TopicSettings(name="t"))
    desk.clock.go(10 * HOUR)
    assert there(desk, "t/Subscriptions/on")


def test_idle_costs_nothing_where_nobody_asked_for_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.clock.timers == 0
    desk.close()
