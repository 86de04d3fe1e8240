"""Whatever is done in whatever order, no copy of a message is lost and none is doubled."""

import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from retrain.local.servicebus import NamespaceSettings, QueueSettings
from retrain.local.servicebus.engine.queue import Queue
from retrain.local.servicebus.errors import EntityDisabled
from retrain.local.servicebus.messages import Message, State
from retrain.local.servicebus.settings import (
    RuleSettings,
    SqlAction,
    SqlFilter,
    Status,
    SubscriptionSettings,
    TopicSettings,
)
from tests.contract.servicebus.parts.desk import Desk, Taker, body, message

#: Where messages rest, and what each send to an entity makes of them: so many copies.
RESTS = ("end", "fails", "dead", "t/Subscriptions/keeps", "t/Subscriptions/marks", "sessions")
COPIES = {"start": 3, "end": 1, "fails": 1, "t": 3, "sessions": 1}
MARK = RuleSettings(topic="t", subscription="marks", name="yes")
ENTITIES = NamespaceSettings(
    queues=(
        QueueSettings(name="start", forward_to="t"),
        QueueSettings(name="end", max_delivery_count=2),
        QueueSettings(name="fails", max_delivery_count=1, forward_dead_letters_to="dead"),
        QueueSettings(name="dead", sessions=False),
        QueueSettings(name="sessions", sessions=True, max_delivery_count=2),
    ),
    topics=(TopicSettings(name="t"),),
    subscriptions=(
        SubscriptionSettings(topic="t", name="keeps"),
        SubscriptionSettings(topic="t", name="forwards", forward_to="end"),
        SubscriptionSettings(topic="t", name="marks", sessions=True),
        SubscriptionSettings(topic="t", name="never"),
    ),
    rules=(
        replace(MARK, action=SqlAction(expression="SET a = 1")),
        replace(MARK, name="no", filter=SqlFilter(expression="a = 1")),
        RuleSettings(
            topic="t", subscription="never", name="no", filter=SqlFilter(expression="a = 1")
        ),
    ),
)


def _is_ready(message: Message) -> bool:
    return message.state is State.ACTIVE and message.lock is None


class Conservation(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.desk = Desk(self.folder, settings=ENTITIES)
        self.expected: Counter[bytes] = Counter()
        self.sent = 0

    def teardown(self) -> None:
        self.desk.close()
        shutil.rmtree(self.folder)

    def queue(self, path: str) -> Queue:
        return self.desk.namespace.receiving(path)

    def take(self, choice: int) -> tuple[Queue, bytes] | None:
        """A lock on some message that is ready, if there is one."""
        ready = [queue for queue in map(self.queue, RESTS) if queue.settings.forward_to is None]
        ready = [queue for queue in ready if any(map(_is_ready, queue.messages.values()))]
        if not ready:
            return None
        queue, taker = ready[choice % len(ready)], Taker(1)
        if queue.sessions:
            free = [each.id for each in queue.sessions.by_id.values() if each.ready]
            held = [each for each in free if queue.sessions.by_id[each].owner]
            if free == held:
                return None
            queue.sessions.accept(next(each for each in free if each not in held), taker)
        queue.credit(taker)
        if not queue.sessions:
            queue.leave(taker)
        return queue, taker.tokens[0]

    @rule(place=st.sampled_from(list(COPIES)), later=st.booleans(), count=st.integers(1, 3))
    def send(self, place: str, later: bool, count: int) -> None:
        at = self.desk.clock.now() + 5 if later else None
        for _ in range(count):
            self.sent += 1
            text = f"{self.sent}".encode()
            letter = message(text, session=f"{self.sent % 2}", at=at)
            with suppress(EntityDisabled):
                self.desk.namespace.find(place).put([letter])
                self.expected[text] += COPIES[place]

    @rule(choice=st.integers(0, 5))
    def complete(self, choice: int) -> None:
        if taken := self.take(choice):
            queue, token = taken
            self.expected[body(queue.locks.under(token))] -= 1
            queue.complete(token)

    @rule(choice=st.integers(0, 5), how=st.sampled_from(["abandon", "release", "defer", "keep"]))
    def settle(self, choice: int, how: str) -> None:
        if (taken := self.take(choice)) and how != "keep":
            queue, token = taken
            getattr(queue, how)(token)

    @rule(choice=st.integers(0, 5))
    def dead_letter(self, choice: int) -> None:
        if taken := self.take(choice):
            queue, token = taken
            queue.dead_letter(token, "why", None)

    @rule(seconds=st.sampled_from([1.0, 10.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.desk.clock.go(seconds)

    @rule(killed=st.booleans())
    def restart(self, killed: bool) -> None:
        if not killed:
            self.desk.restart()
            return
        self.desk.store.commit()
        self.desk.store._connection.close()
        self.desk.namespace.stop()
        self.desk._open()

    @rule(place=st.sampled_from(["end", "dead"]), shut=st.booleans())
    def shut(self, place: str, shut: bool) -> None:
        """It takes nothing for a while, neither from senders nor from what forwards."""
        told = self.desk.namespace.queue(place).settings
        status = Status.SEND_DISABLED if shut else Status.ACTIVE
        self.desk.namespace.update(replace(told, status=status))

    @rule(on=st.booleans())
    def forward(self, on: bool) -> None:
        """The end forwards for a while, but for what is locked there or deferred."""
        end = self.desk.namespace.queue("end").settings
        self.desk.namespace.update(replace(end, forward_to="dead" if on else None))

    @invariant()
    def all_are_there(self) -> None:
        found: Counter[bytes] = Counter()
        scheduled = Counter[bytes]()
        for entity in self.desk.namespace._entities:
            for each in entity.held.messages.values():
                found[body(each)] += 1
                if each.state is State.SCHEDULED:
                    # not yet copied: it stands for all that will come of it
                    scheduled[body(each)] += COPIES[entity.name] - 1
            assert entity.held.size == sum(each.size for each in entity.held.messages.values())
        assert found + scheduled == +self.expected


TestConservation = Conservation.TestCase
TestConservation.settings = settings(
    max_examples=25,
    stateful_step_count=40,
    deadline=None,
    phases=[Phase.generate],  # to shrink would take longer than a test may
)
