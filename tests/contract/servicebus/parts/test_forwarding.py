"""Messages that go on by themselves: from queues, subscriptions and their dead letters."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from retrain.local.servicebus import NamespaceSettings, QueueSettings
from retrain.local.servicebus.engine.queue import Queue
from retrain.local.servicebus.errors import EntityDisabled, NotAllowed
from retrain.local.servicebus.messages import Message, application_properties
from retrain.local.servicebus.rules.view import View
from retrain.local.servicebus.settings import Status, SubscriptionSettings, TopicSettings
from tests.contract.servicebus.parts.desk import Desk, Taker, body, message

TRANSFER = "$Transfer/$DeadLetterQueue"


def chain(*names: str, **last: Any) -> tuple[QueueSettings, ...]:
    """Queues, each of which forwards to the one after it."""
    on = [QueueSettings(name=a, forward_to=b) for a, b in pairwise(names)]
    return (*on, QueueSettings(name=names[-1], **last))


SETTINGS = NamespaceSettings(
    queues=(
        *chain("q", "b", "end"),
        *chain("1", "2", "3", "4", "5", "6"),
        *chain("round", "about")[:1],
        QueueSettings(name="about", forward_to="round"),
        QueueSettings(name="to-topic", forward_to="t"),
        QueueSettings(name="once", duplicate_window=60.0),
        *chain("to-once", "once")[:1],
        QueueSettings(name="ordered", sessions=True),
        *chain("to-ordered", "ordered")[:1],
        QueueSettings(
            name="fails",
            forward_dead_letters_to="b",
            max_delivery_count=1,
            dead_letter_expired=True,
        ),
    ),
    topics=(TopicSettings(name="t"),),
    subscriptions=(
        SubscriptionSettings(topic="t", name="keeps"),
        SubscriptionSettings(topic="t", name="forwards", forward_to="end"),
    ),
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path, settings=SETTINGS)
    yield made
    made.close()


def queue(desk: Desk, path: str) -> Queue:
    return desk.namespace.receiving(path)


def bodies(desk: Desk, path: str) -> list[bytes]:
    return [body(each) for each in queue(desk, path).messages.values()]


def put(desk: Desk, path: str, text: bytes = b"x", **terms: Any) -> None:
    desk.namespace.find(path).put([message(text, **terms)])


def reasons(messages: dict[int, Message]) -> list[str]:
    return [str(application_properties(each).get("DeadLetterReason")) for each in messages.values()]


def test_it_goes_to_the_end_of_the_chain(desk: Desk) -> None:
    for text in (b"1", b"2"):
        put(desk, "q", text)
    for _ in range(2):
        assert bodies(desk, "end") == [b"1", b"2"]
        assert [desk.namespace.counts(name).total for name in ("q", "b")] == [0, 0]
        desk.restart()


def test_four_hops_and_no_more(desk: Desk) -> None:
    put(desk, "2")
    assert bodies(desk, "6") == [b"x"]
    put(desk, "1", b"too far")
    for _ in range(2):
        assert bodies(desk, "6") == [b"x"]
        assert bodies(desk, f"5/{TRANSFER}") == [b"too far"]
        assert reasons(queue(desk, f"5/{TRANSFER}").messages) == ["MaxTransferHopCountExceeded"]
        assert desk.namespace.counts("5").transfer_dead_letters == 1
        desk.restart()


def test_a_circle_ends(desk: Desk) -> None:
    put(desk, "round")
    assert bodies(desk, f"round/{TRANSFER}") == [b"x"]


def test_into_a_topic_and_out_of_a_subscription(desk: Desk) -> None:
    put(desk, "to-topic")
    assert bodies(desk, "t/Subscriptions/keeps") == [b"x"]
    assert bodies(desk, "t/Subscriptions/forwards") == []
    assert bodies(desk, "end") == [b"x"]


def crash(desk: Desk) -> None:
    """As a kill: what was not committed is not there."""
    desk.store._connection.close()
    desk.namespace.stop()
    desk._open()


def test_it_is_here_or_there_whenever_it_is_killed(desk: Desk) -> None:
    put(desk, "to-topic", b"x", at=desk.clock.now() + 10)
    desk.store.commit()
    desk.clock.go(10)
    assert bodies(desk, "end") == [b"x"]
    crash(desk)  # before the commit
    assert (bodies(desk, "to-topic"), bodies(desk, "end")) == ([b"x"], [])
    desk.clock.go(0)
    desk.store.commit()
    crash(desk)  # after it
    places = ("to-topic", "t/Subscriptions/keeps", "t/Subscriptions/forwards", "end")
    assert [bodies(desk, place) for place in places] == [[], [b"x"], [], [b"x"]]


def test_what_is_scheduled_goes_when_it_is_due(desk: Desk) -> None:
    put(desk, "q", at=desk.clock.now() + 10)
    desk.restart()
    assert bodies(desk, "q") == [b"x"]
    desk.clock.go(10)
    assert (bodies(desk, "q"), bodies(desk, "end")) == ([], [b"x"])


def test_duplicates_are_dropped_where_they_arrive(desk: Desk) -> None:
    for text in (b"first", b"second"):
        put(desk, "to-once", text, id_="same")
    assert bodies(desk, "once") == [b"first"]


def test_a_message_without_a_session_is_a_dead_letter_where_it_arrives(desk: Desk) -> None:
    put(desk, "to-ordered")
    put(desk, "to-ordered", b"of a session", session="s")
    assert bodies(desk, "ordered") == [b"of a session"]
    assert reasons(queue(desk, "ordered/$DeadLetterQueue").messages) == ["Session ID is null."]


def disable(desk: Desk) -> None:
    end = desk.namespace.queue("end").settings
    desk.namespace.update(replace(end, status=Status.SEND_DISABLED))


def fill(desk: Desk) -> None:
    desk.namespace.update(replace(desk.namespace.queue("end").settings, max_megabytes=1))
    for _ in range(6):
        put(desk, "end", b"x" * 200_000)


def delete(desk: Desk) -> None:
    desk.namespace.delete("end")


BROKEN = {
    "disabled": (disable, "EntityDisabled"),
    "full": (fill, "QuotaExceeded"),
    "deleted": (delete, "EntityNotFound"),
}


@pytest.mark.parametrize(("shut", "why"), BROKEN.values(), ids=BROKEN)
def test_a_destination_that_takes_nothing(
    desk: Desk, shut: Callable[[Desk], None], why: str
) -> None:
    shut(desk)
    put(desk, "b", b"stays")
    transfer = queue(desk, f"b/{TRANSFER}")
    assert ([body(each) for each in transfer.messages.values()], reasons(transfer.messages)) == (
        [b"stays"],
        [why],
    )
    taker = Taker(1)
    transfer.credit(taker)
    transfer.complete(taker.tokens[0])
    assert desk.namespace.counts("b").total == 0


def test_dead_letters_go_on_too(desk: Desk) -> None:
    fails = queue(desk, "fails")
    taker = Taker()
    fails.credit(taker)
    put(desk, "fails", b"abandoned")
    fails.abandon(taker.tokens[0])
    put(desk, "fails", b"given up")
    fails.dead_letter(taker.tokens[-1], "why", None)
    fails.leave(taker)
    put(desk, "fails", b"expired", ttl=5)
    desk.clock.go(6)
    end = queue(desk, "end").messages
    assert bodies(desk, "end") == [b"abandoned", b"given up", b"expired"]
    assert reasons(end) == ["MaxDeliveryCountExceeded", "why", "TTLExpiredException"]
    assert {each.delivery_count for each in end.values()} == {0}
    assert {View(each).system("DeadLetterSource") for each in end.values()} == {"fails"}


def test_dead_letters_whose_way_is_shut(desk: Desk) -> None:
    desk.namespace.delete("b")
    fails, taker = queue(desk, "fails"), Taker()
    fails.credit(taker)
    put(desk, "fails")
    fails.dead_letter(taker.tokens[0], "why", None)
    for _ in range(2):
        assert bodies(desk, "fails/$DeadLetterQueue") == []
        assert reasons(queue(desk, f"fails/{TRANSFER}").messages) == ["EntityNotFound"]
        assert desk.namespace.counts("fails").transfer_dead_letters == 1
        desk.restart()


def test_nobody_receives_where_it_forwards(desk: Desk) -> None:
    with pytest.raises(NotAllowed, match="auto-forwarding"):
        queue(desk, "q").check_receivers()
    with pytest.raises(NotAllowed, match="auto-forwarding"):
        queue(desk, "fails/$DeadLetterQueue").check_receivers()
    queue(desk, "fails").check_receivers()


def test_forwarding_that_begins_takes_along_what_is_there(desk: Desk) -> None:
    put(desk, "once", b"ready")
    put(desk, "once", b"deferred")
    once, taker = queue(desk, "once"), Taker()
    once.credit(taker)
    once.defer(taker.tokens[1])
    put(desk, "once", b"scheduled", at=desk.clock.now() + 5)
    desk.namespace.update(replace(desk.namespace.queue("once").settings, forward_to="end"))
    assert isinstance(taker.lost, NotAllowed)
    assert sorted(bodies(desk, "once")) == [b"deferred", b"ready", b"scheduled"]
    desk.clock.go(60)  # the lock on the first is over
    assert sorted(bodies(desk, "end")) == [b"ready", b"scheduled"]
    desk.namespace.update(replace(desk.namespace.queue("once").settings, forward_to=None))
    put(desk, "once", b"stays")
    assert bodies(desk, "once") == [b"deferred", b"stays"]


def test_a_disabled_queue_gives_nothing_to_receivers(desk: Desk) -> None:
    ended = replace(desk.namespace.queue("end").settings, status=Status.RECEIVE_DISABLED)
    desk.namespace.update(ended)
    put(desk, "q")
    with pytest.raises(EntityDisabled):
        queue(desk, "end").check_receivers()
    assert bodies(desk, "end") == [b"x"]
