"""The rules of sessions, on a clock of the test's own."""

from typing import Any

import pytest

from retrain.local.servicebus.engine.sessions import Session
from retrain.local.servicebus.errors import LockLost, NoSession, SessionTaken
from tests.contract.servicebus.parts.desk import Open, Taker


def test_a_session_belongs_to_one_and_keeps_its_order(desk: Open) -> None:
    d = desk(sessions=True)
    for text in (b"1", b"2", b"3"):
        d.send(text, session="s")
    d.send(b"other", session="t")
    taker = d.accept("s", credit=2)
    with pytest.raises(SessionTaken):
        d.accept("s")
    d.queue.abandon(taker.tokens[0])
    taker.credit = 5
    d.queue.credit(taker)
    assert taker.bodies == [b"1", b"2", b"1", b"3"]


def test_the_next_session_is_the_one_that_waits_longest(desk: Open) -> None:
    d = desk(sessions=True)
    got = list[Any]()
    for name in ("b", "a"):
        d.send(b"x", session=name)
    for _ in range(3):
        d.sessions.accept_next(Taker(), got.append, timeout=5)
    assert [each.id for each in got] == ["b", "a"]
    d.clock.go(4)
    d.send(b"y", session="c")
    assert got[-1].id == "c"
    d.sessions.accept_next(Taker(), got.append, timeout=5)
    d.clock.go(5)
    assert isinstance(got[-1], NoSession)


def test_a_lost_session_gives_all_back_before_the_next_owner_gets_any(desk: Open) -> None:
    d = desk(sessions=True, lock_seconds=30)
    for text in (b"1", b"2"):
        d.send(text, session="s")
    first, second = d.accept("s"), Taker()

    def take(outcome: Any) -> None:
        assert isinstance(outcome, Session)
        d.queue.credit(second)

    d.sessions.accept_next(second, take, timeout=None)
    tokens = first.tokens
    d.clock.go(30)
    assert first.lost
    assert (second.bodies, [m.delivery_count for m in second.got]) == ([b"1", b"2"], [1, 1])
    for settle in (d.queue.complete, d.queue.abandon, d.queue.renew):
        with pytest.raises(LockLost):
            settle(tokens[0])


def test_closing_a_session_is_not_counted_but_vanishing_is(desk: Open) -> None:
    d = desk(sessions=True)
    d.send(b"x", session="s")
    for failed, count in ((False, 0), (True, 1)):
        d.queue.leave(d.accept("s"), failed=failed)
        assert next(iter(d.queue.messages.values())).delivery_count == count


def test_renewing_a_session_renews_its_messages(desk: Open) -> None:
    d = desk(sessions=True, lock_seconds=30)
    d.send(b"x", session="s")
    taker = d.accept("s")
    d.clock.go(20)
    until = d.sessions.renew(d.sessions.held("s"))
    assert [each.lock.until for each in taker.got if each.lock] == [until]
    d.clock.go(29)
    d.queue.complete(taker.tokens[0])


def test_a_session_that_is_done_is_forgotten(desk: Open) -> None:
    d = desk(sessions=True)
    d.send(b"x", session="s")
    d.send(b"y", session="stateful")
    for name in ("s", "stateful"):
        taker = d.accept(name)
        if name == "stateful":
            d.sessions.set_state(d.sessions.held(name), b"kept")
        d.queue.complete(taker.tokens[0])
        d.queue.leave(taker)
    assert list(d.sessions.by_id) == ["stateful"]
