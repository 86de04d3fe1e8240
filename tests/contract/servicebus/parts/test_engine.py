"""The rules of a queue, second by second, on a clock of the test's own."""

import pytest

from retrain.local.servicebus.errors import (
    LockLost,
    MessageNotFound,
    MessageTooLarge,
    NotAllowed,
)
from retrain.local.servicebus.messages import application_properties
from tests.contract.servicebus.parts.desk import Open, Taker, message


def test_an_expired_lock_redelivers_and_counts(desk: Open) -> None:
    d = desk(lock_seconds=30)
    d.send(b"x")
    first = d.taker(1)
    token = first.tokens[0]
    d.clock.go(29)
    second = d.taker(1)
    assert second.got == []
    d.clock.go(1)
    assert [each.delivery_count for each in second.got] == [1]
    with pytest.raises(LockLost):
        d.queue.complete(token)


def test_renewing_moves_a_lock_and_an_idle_queue_has_no_timer(desk: Open) -> None:
    d = desk(lock_seconds=30)
    d.send(b"x")
    taker = d.taker(1)
    d.clock.go(20)
    assert d.queue.renew(taker.tokens[0]) == d.clock.now() + 30
    d.clock.go(29)
    d.queue.complete(taker.tokens[0])
    d.clock.go(60)
    assert (d.clock.timers, d.queue.messages) == (0, {})


def test_too_many_deliveries_end_in_the_dead_letter_queue(desk: Open) -> None:
    d = desk(max_delivery_count=3)
    number = d.send(b"poison")
    for _ in range(3):
        taker = d.taker(1)
        d.queue.abandon(taker.tokens[0])
    assert d.queue.messages == {}
    (dead,) = d.dead.messages.values()
    assert application_properties(dead)["DeadLetterReason"] == "MaxDeliveryCountExceeded"
    assert (dead.sequence_number, dead.delivery_count) == (number, 3)


def test_a_release_is_not_counted(desk: Open) -> None:
    d = desk(max_delivery_count=1)
    d.send(b"x")
    for _ in range(3):
        taker = d.taker(1)
        d.queue.release(taker.tokens[0])
    assert next(iter(d.queue.messages.values())).delivery_count == 0


def test_an_abandoned_message_comes_before_later_ones(desk: Open) -> None:
    d = desk()
    for text in (b"a", b"b", b"c"):
        d.send(text)
    first = d.taker(2)
    d.queue.abandon(first.tokens[0])
    assert d.taker().bodies == [b"a", b"c"]


def test_competing_consumers_take_turns(desk: Open) -> None:
    d = desk()
    takers = [d.taker(2), d.taker(2)]
    for number in range(4):
        d.send(str(number).encode())
    assert [taker.bodies for taker in takers] == [[b"0", b"2"], [b"1", b"3"]]


@pytest.mark.parametrize("dead_letter", [True, False])
def test_an_expired_message_is_dead_lettered_or_dropped(desk: Open, dead_letter: bool) -> None:
    d = desk(time_to_live=60, dead_letter_expired=dead_letter)
    d.send(b"short", ttl=10)
    d.send(b"capped", ttl=100)
    d.clock.go(10)
    assert len(d.queue.messages) == 1
    d.clock.go(50)
    assert d.queue.messages == {}
    reasons = [application_properties(m)["DeadLetterReason"] for m in d.dead.messages.values()]
    assert reasons == ["TTLExpiredException"] * 2 * dead_letter
    assert d.taker().got == []


def test_a_locked_message_expires_when_it_is_given_back(desk: Open) -> None:
    d = desk(dead_letter_expired=True)
    d.send(b"x", ttl=10)
    taker = d.taker(1)
    d.clock.go(20)
    assert len(d.queue.messages) == 1
    d.queue.abandon(taker.tokens[0])
    assert (len(d.queue.messages), len(d.dead.messages)) == (0, 1)


def test_a_scheduled_message_comes_in_time_with_a_new_number(desk: Open) -> None:
    d = desk()
    number = d.send(b"later", at=d.clock.now() + 10)
    d.send(b"now")
    taker = d.taker()
    assert taker.bodies == [b"now"]
    d.clock.go(10)
    later = taker.got[1]
    assert (later.enqueued_sequence_number, later.enqueued_at) == (number, d.clock.now())
    assert later.sequence_number > number
    with pytest.raises(MessageNotFound):
        d.queue.cancel([number])


def test_cancelling_is_all_or_nothing(desk: Open) -> None:
    d = desk()
    number = d.send(b"later", at=d.clock.now() + 10)
    with pytest.raises(MessageNotFound):
        d.queue.cancel([number, 77])
    assert number in d.queue.messages
    d.queue.cancel([number, number])
    d.clock.go(20)
    assert d.taker().got == []


def test_duplicates_are_dropped_within_the_window_only(desk: Open) -> None:
    d = desk(duplicate_window=60)
    assert d.send(b"a", id_="same")
    d.clock.go(59)
    assert d.send(b"b", id_="same") == 0
    d.clock.go(1)
    assert d.send(b"c", id_="same")
    assert d.taker().bodies == [b"a", b"c"]


def test_a_batch_is_accepted_whole_or_not_at_all(desk: Open) -> None:
    d = desk(sessions=True, max_message_bytes=100)
    with pytest.raises(NotAllowed):
        d.queue.put([message(b"a", session="s"), message(b"b")])
    with pytest.raises(MessageTooLarge):
        d.queue.put([message(b"a", session="s"), message(b"b" * 100, session="s")])
    assert d.queue.messages == {}


def test_deferred_messages_wait_for_their_number(desk: Open) -> None:
    d = desk()
    number = d.send(b"x")
    d.queue.defer(d.taker(1).tokens[0])
    assert d.taker().got == []
    (found,) = d.queue.receive_deferred([number, number], remove=False, session=None)
    assert found.lock
    with pytest.raises(MessageNotFound):
        d.queue.receive_deferred([number], remove=False, session=None)
    d.queue.complete(found.lock.token)
    assert d.queue.messages == {}


def test_receive_and_delete_leaves_nothing(desk: Open) -> None:
    d = desk()
    d.send(b"x")
    taker = d.taker(removes=True)
    assert (taker.bodies, taker.tokens, d.queue.messages) == ([b"x"], [], {})


def test_dead_lettering_in_the_dead_letter_queue_keeps_the_message(desk: Open) -> None:
    d = desk()
    d.send(b"x")
    d.queue.dead_letter(d.taker(1).tokens[0], "first", None)
    taker = Taker(1)
    d.dead.credit(taker)
    d.dead.dead_letter(taker.tokens[0], "second", "again")
    (dead,) = d.dead.messages.values()
    assert application_properties(dead) == {
        "DeadLetterReason": "second",
        "DeadLetterErrorDescription": "again",
    }


def test_peeking_takes_any_state_and_locks_nothing(desk: Open) -> None:
    d = desk()
    d.send(b"locked")
    d.taker(1)
    d.send(b"later", at=d.clock.now() + 10)
    d.send(b"active")
    found = d.queue.peek(0, 10, None)
    assert [each.sequence_number for each in found] == sorted(d.queue.messages)
    assert len(d.queue.peek(found[1].sequence_number, 1, None)) == 1
    assert d.queue.peek(0, -1, None) == []
