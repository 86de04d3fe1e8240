"""Entities that come, change and go at run time, and what a restart makes of them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retrain.local.servicebus import DataFolderUnusable, NamespaceSettings, QueueSettings
from retrain.local.servicebus.engine.namespace import Namespace
from retrain.local.servicebus.errors import (
    EntityDisabled,
    EntityExists,
    EntityNotFound,
    InvalidEntity,
    NotAllowed,
    QuotaExceeded,
)
from retrain.local.servicebus.settings import (
    EntitySettings,
    RuleSettings,
    SqlFilter,
    Status,
    SubscriptionSettings,
    TopicSettings,
)
from tests.contract.servicebus.parts.desk import Desk, Taker, message

DECLARED = QueueSettings(name="q")
MADE = QueueSettings(name="made", lock_seconds=7, sessions=True, user_metadata="mine")
TOPIC = TopicSettings(name="t", time_to_live=60)
SUBSCRIPTION = SubscriptionSettings(topic="t", name="s", max_delivery_count=2)
RULE = RuleSettings(topic="t", subscription="s", name="r", filter=SqlFilter(expression="a = 1"))
ALL = (MADE, TOPIC, SUBSCRIPTION, RULE)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.close()


def paths(namespace: Namespace) -> list[str]:
    """Of every entity there is."""
    found = [entry.settings.path for entry in namespace.queues()]
    for topic in namespace.topics():
        found.append(topic.settings.path)
        for each in namespace.subscriptions(topic.settings.name):
            found.append(each.settings.path)
            rules = namespace.rules(each.settings.topic, each.settings.name)
            found += [rule.settings.path for rule in rules]
    return found


def test_what_is_made_is_there_and_stays(desk: Desk) -> None:
    for settings in ALL:
        desk.namespace.create(settings)
    there = [
        *("made", "q", "t", "t/Subscriptions/s"),
        *("t/Subscriptions/s/Rules/$Default", "t/Subscriptions/s/Rules/r"),
    ]
    assert paths(desk.namespace) == there
    desk.restart()
    assert paths(desk.namespace) == there
    assert desk.namespace.queue("MADE").settings == MADE
    assert desk.namespace.topic("t").settings == TOPIC
    assert desk.namespace.subscription("T", "S").settings == SUBSCRIPTION
    assert desk.namespace.rule("t", "s", "R").settings == RULE


def test_what_is_deleted_is_gone_with_all_below_it(desk: Desk) -> None:
    for settings in ALL:
        desk.namespace.create(settings)
    desk.namespace.delete("T")
    desk.namespace.delete("made")
    for _ in range(2):
        assert paths(desk.namespace) == ["q"]
        for address in ("t", "t/subscriptions/s", "made", "made/$deadletterqueue"):
            with pytest.raises(EntityNotFound):
                desk.namespace.find(address)
        desk.restart()


def test_a_queue_that_is_made_again_is_empty(desk: Desk) -> None:
    made = replace(MADE, sessions=False, duplicate_window=60.0)
    desk.namespace.create(made)
    desk.namespace.receiving("made").put([message(b"old", id_="1")])
    desk.namespace.delete("made")
    desk.namespace.create(made)
    for _ in range(2):
        assert desk.namespace.counts("made").total == 0
        desk.restart()
    assert desk.namespace.receiving("made").put([message(b"new", id_="1")]) != [0]


@pytest.mark.parametrize("committed", [True, False])
def test_a_kill_leaves_a_deleted_queue_whole_or_gone(desk: Desk, committed: bool) -> None:
    desk.namespace.create(replace(MADE, sessions=False))
    desk.namespace.receiving("made").put([message(b"committed")])
    desk.store.commit()
    desk.namespace.receiving("made").put([message(b"not yet")])
    desk.namespace.delete("made")
    if committed:
        desk.store.commit()
    desk.store._connection.close()  # as a kill does, nothing more is written
    desk.namespace.stop()
    desk._open()
    if committed:
        assert paths(desk.namespace) == ["q"]
        desk.namespace.create(replace(MADE, sessions=False))
        assert desk.namespace.counts("made").total == 0
    else:
        assert paths(desk.namespace) == ["made", "q"]
        assert desk.namespace.counts("made").total == 1


def test_declared_is_as_the_file_says_after_each_start(desk: Desk) -> None:
    desk.namespace.update(replace(DECLARED, lock_seconds=5))
    assert desk.namespace.queue("q").settings.lock_seconds == 5
    desk.restart()
    assert desk.namespace.queue("q").settings == DECLARED
    desk.namespace.delete("q")
    desk.restart()
    assert paths(desk.namespace) == ["q"]


def test_times_of_an_entity(desk: Desk) -> None:
    began = desk.clock.now()
    desk.namespace.create(MADE)
    desk.clock.go(10)
    desk.namespace.update(replace(MADE, lock_seconds=9))
    desk.clock.go(10)
    desk.namespace.receiving("made").put([message(b"x", session="a")])
    for _ in range(2):
        entry = desk.namespace.queue("made")
        assert (entry.created_at, entry.updated_at) == (began, began + 10)
        assert entry.accessed_at == began + 20
        desk.restart()


def test_counts(desk: Desk) -> None:
    desk.send(b"1")
    desk.send(b"2")
    desk.send(b"later", at=desk.clock.now() + 60)
    desk.queue.dead_letter(desk.taker(1).tokens[0], "why", None)
    for _ in range(2):
        counts = desk.namespace.counts("q")
        assert (counts.active, counts.scheduled, counts.dead_letters) == (1, 1, 1)
        assert counts.total == 3
        assert counts.size == sum(
            each.size for queue in (desk.queue, desk.dead) for each in queue.messages.values()
        )
        desk.restart()


def test_a_change_holds_for_what_comes_then(desk: Desk) -> None:
    desk.namespace.update(replace(DECLARED, lock_seconds=5, max_delivery_count=1))
    desk.send(b"x")
    desk.taker(1)
    desk.clock.go(6)
    assert [each.delivery_count for each in desk.dead.messages.values()] == [1]


REFUSED: dict[str, tuple[EntitySettings, type[Exception]]] = {
    "there already": (QueueSettings(name="Q"), EntityExists),
    "a topic of that name": (TopicSettings(name="q"), EntityExists),
    "no such topic": (replace(SUBSCRIPTION, topic="none"), EntityNotFound),
    "no topic but a queue": (replace(SUBSCRIPTION, topic="q"), EntityNotFound),
    "no such subscription": (RULE, EntityNotFound),
    "no name": (QueueSettings(name=""), InvalidEntity),
    "a space in the name": (QueueSettings(name="a b"), InvalidEntity),
    "a name as of a subscription": (QueueSettings(name="t/Subscriptions/s"), InvalidEntity),
    "a long lock": (QueueSettings(name="n", lock_seconds=301), InvalidEntity),
    "gone too soon": (QueueSettings(name="n", auto_delete_on_idle=60), InvalidEntity),
    "forwards to itself": (QueueSettings(name="n", forward_to="N"), InvalidEntity),
    "forwards to nowhere": (QueueSettings(name="n", forward_to="none"), InvalidEntity),
    "dead letters to nowhere": (
        QueueSettings(name="n", forward_dead_letters_to="none"),
        InvalidEntity,
    ),
    "forwards with sessions": (
        QueueSettings(name="n", forward_to="q", sessions=True),
        InvalidEntity,
    ),
}


@pytest.mark.parametrize(("settings", "error"), REFUSED.values(), ids=REFUSED)
def test_what_can_not_be_made(desk: Desk, settings: Any, error: type[Exception]) -> None:
    before = paths(desk.namespace)
    with pytest.raises(error):
        desk.namespace.create(settings)
    assert paths(desk.namespace) == before


def test_a_subscription_whose_first_rule_can_not_be_is_not_made(desk: Desk) -> None:
    desk.namespace.create(TOPIC)
    with pytest.raises(InvalidEntity, match="position 4"):
        desk.namespace.create(
            SUBSCRIPTION, default_rule=replace(RULE, filter=SqlFilter(expression="a ="))
        )
    assert desk.namespace.subscriptions("t") == []
    desk.namespace.create(SUBSCRIPTION, default_rule=RULE)
    assert [each.settings for each in desk.namespace.rules("t", "s")] == [RULE]
    with pytest.raises(InvalidEntity):
        desk.namespace.update(replace(RULE, filter=SqlFilter(expression="(")))
    assert desk.namespace.rule("t", "s", "r").settings == RULE


def test_names_are_as_they_were_made(desk: Desk) -> None:
    desk.namespace.create(TOPIC)
    desk.namespace.create(replace(SUBSCRIPTION, topic="T"))
    desk.namespace.create(replace(RULE, topic="T", subscription="S"))
    desk.namespace.update(replace(SUBSCRIPTION, topic="T", name="S", lock_seconds=9))
    assert desk.namespace.subscription("t", "s").settings == replace(SUBSCRIPTION, lock_seconds=9)
    assert [each.settings.path for each in desk.namespace.rules("t", "s")] == [
        "t/Subscriptions/s/Rules/$Default",
        "t/Subscriptions/s/Rules/r",
    ]


FIXED: dict[str, QueueSettings] = {
    "sessions": replace(DECLARED, sessions=True),
    "duplicate detection": replace(DECLARED, duplicate_window=60.0),
    "partitions": replace(DECLARED, partitioned=True),
}


@pytest.mark.parametrize("settings", FIXED.values(), ids=FIXED)
def test_what_can_not_change(desk: Desk, settings: QueueSettings) -> None:
    with pytest.raises(InvalidEntity, match="cannot be changed"):
        desk.namespace.update(settings)
    assert desk.namespace.queue("q").settings == DECLARED


def test_receivers_are_sent_away(desk: Desk) -> None:
    def away(act: Callable[[], object], error: type[Exception]) -> None:
        taker = desk.taker()
        act()
        assert isinstance(taker.lost, error)

    desk.namespace.create(QueueSettings(name="other"))
    disabled = replace(DECLARED, status=Status.RECEIVE_DISABLED)
    away(lambda: desk.namespace.update(disabled), EntityDisabled)
    desk.namespace.update(DECLARED)
    away(lambda: desk.namespace.update(replace(DECLARED, forward_to="other")), NotAllowed)
    desk.namespace.update(DECLARED)
    away(lambda: desk.namespace.delete("q"), EntityNotFound)


def test_receivers_of_sessions_are_sent_away(desk: Desk) -> None:
    desk.namespace.create(MADE)
    queue = desk.namespace.receiving("made")
    assert queue.sessions
    holds, waits, told = Taker(), Taker(), list[object]()
    queue.sessions.accept("a", holds)
    queue.sessions.accept_next(waits, told.append, timeout=60)
    desk.namespace.delete("made")
    assert isinstance(holds.lost, EntityNotFound)
    assert [type(each) for each in told] == [EntityNotFound]


def test_senders_are_refused(desk: Desk) -> None:
    queue = desk.queue
    desk.namespace.update(replace(DECLARED, status=Status.SEND_DISABLED))
    with pytest.raises(EntityDisabled):
        desk.send(b"x")
    desk.namespace.update(replace(DECLARED, max_megabytes=1))
    queue.put([message(b"x" * 200_000) for _ in range(6)])
    with pytest.raises(QuotaExceeded):
        desk.send(b"x")
    desk.namespace.delete("q")
    with pytest.raises(EntityNotFound):
        queue.put([message(b"x")])


def test_sessions_can_not_come_over_messages_without_one(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.send(b"x")
    desk.close()
    with pytest.raises(DataFolderUnusable, match="RequiresSession"):
        Desk(tmp_path, sessions=True)


def test_what_the_file_declares_no_more_is_away_until_it_does_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.send(b"x")
    desk.close()
    other = Desk(tmp_path, settings=NamespaceSettings(queues=(QueueSettings(name="other"),)))
    assert paths(other.namespace) == ["other"]
    other.close()
    again = Desk(tmp_path)
    assert [paths(again.namespace), len(again.queue.messages)] == [["q"], 1]
    again.close()


def test_what_is_made_new_is_empty_whatever_the_file_holds(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.send(b"of the declared one")
    desk.close()
    other = Desk(tmp_path, settings=NamespaceSettings())
    other.namespace.create(QueueSettings(name="q", sessions=True))
    for _ in range(2):
        assert other.namespace.counts("q").total == 0
        other.restart()
    other.close()


def test_what_forwards_to_what_the_file_declares_no_more(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.namespace.create(QueueSettings(name="on", forward_to="q"))
    desk.close()
    other = Desk(tmp_path, settings=NamespaceSettings())
    other.namespace.receiving("on").put([message(b"x")])
    assert other.namespace.counts("on").transfer_dead_letters == 1
    other.close()
