"""The living entities of a namespace: queues with their sub-queues, topics, subscriptions."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from retrain.local.faults import Faults
from retrain.local.servicebus.engine.clock import Clock
from retrain.local.servicebus.engine.forwarding import Forwarding
from retrain.local.servicebus.engine.misfortune import Misfortune
from retrain.local.servicebus.engine.queue import Queue
from retrain.local.servicebus.engine.subscription import Subscription
from retrain.local.servicebus.engine.topic import Topic
from retrain.local.servicebus.errors import EntityNotFound
from retrain.local.servicebus.settings import (
    EntitySettings,
    QueueSettings,
    RuleSettings,
    SubscriptionSettings,
    TopicSettings,
)
from retrain.local.servicebus.store import Store

DEAD_LETTERS: Final = "$DeadLetterQueue"
TRANSFER_DEAD_LETTERS: Final = f"$Transfer/{DEAD_LETTERS}"

Entity = Queue | Topic


class Entities:
    """By address, whatever its case."""

    def __init__(self, store: Store, clock: Clock, calls: Counter[str], faults: Faults) -> None:
        self._store = store
        self._clock = clock
        self._calls = calls
        self._faults = faults
        self._forwarding = Forwarding(self.find)
        self._by_address: dict[str, Entity] = {}

    def __iter__(self) -> Iterator[Entity]:
        return iter(list(self._by_address.values()))

    def find(self, address: str) -> Entity:
        """Raises EntityNotFound."""
        found = self._by_address.get(address.strip("/").lower())
        if found is None:
            raise EntityNotFound(address)
        return found

    def topic(self, name: str) -> Topic:
        """Raises EntityNotFound."""
        found = self.find(name)
        if not isinstance(found, Topic):
            raise EntityNotFound(name)
        return found

    def subscription(self, topic: str, name: str) -> Subscription:
        """Raises EntityNotFound."""
        found = self.topic(topic).subscriptions.get(name.lower())
        if found is None:
            raise EntityNotFound(f"{topic}/Subscriptions/{name}")
        return found

    # -- coming, changing, going

    def add(self, settings: EntitySettings) -> None:
        """Raises EntityNotFound when what it belongs to is not there."""
        match settings:
            case QueueSettings():
                self._add_queue(settings)
            case TopicSettings():
                self._add_topic(settings)
            case SubscriptionSettings():
                topic = self.topic(settings.topic)
                queue = self._add_queue(_terms(settings, topic.settings))
                topic.subscriptions[settings.name.lower()] = Subscription(settings, queue)
            case RuleSettings():
                self._of(settings).set_rule(settings)

    def forget(self, path: str) -> None:
        """What the store holds of one that is not there any more."""
        self._store.drop(path, f"{path}/{DEAD_LETTERS}", f"{path}/{TRANSFER_DEAD_LETTERS}")

    def change(self, settings: EntitySettings) -> None:
        """Of an entity that is there."""
        match settings:
            case QueueSettings():
                self._change_queue(settings)
            case TopicSettings():
                self.topic(settings.path).change(settings)
            case SubscriptionSettings():
                subscription = self.subscription(settings.topic, settings.name)
                subscription.settings = settings
                self._change_queue(_terms(settings, self.topic(settings.topic).settings))
            case RuleSettings():
                self._of(settings).set_rule(settings)

    def remove(self, settings: EntitySettings) -> None:
        """With all that it holds, but not what is below a topic."""
        if isinstance(settings, RuleSettings):
            self._of(settings).drop_rule(settings.name)
            return
        if isinstance(settings, SubscriptionSettings):
            del self.topic(settings.topic).subscriptions[settings.name.lower()]
        entity = self.find(settings.path)
        gone = parts(entity) if isinstance(entity, Queue) else [entity]
        for part in gone:
            del self._by_address[part.name.lower()]
            part.end(EntityNotFound(settings.path))
        self._store.drop(*(part.name for part in gone))

    def _of(self, rule: RuleSettings) -> Subscription:
        return self.subscription(rule.topic, rule.subscription)

    def _add_topic(self, settings: TopicSettings) -> None:
        store, fate = self._store.queue(settings.path), Misfortune(self._faults, settings.path)
        topic = Topic(settings, store, self._clock, self._calls, fate)
        self._by_address[topic.name.lower()] = topic

    def _add_queue(self, settings: QueueSettings) -> Queue:
        below = _below(settings)
        transfer = self._queue(below[1])
        return self._queue(settings, self._queue(below[0], None, transfer), transfer)

    def _queue(
        self, settings: QueueSettings, dead: Queue | None = None, transfer: Queue | None = None
    ) -> Queue:
        store, forward = self._store.queue(settings.name), self._forwarding.forward
        fate = Misfortune(self._faults, settings.name)
        queue = Queue(settings, store, self._clock, self._calls, forward, fate, dead, transfer)
        self._by_address[queue.name.lower()] = queue
        return queue

    def _change_queue(self, settings: QueueSettings) -> None:
        queue = self.find(settings.path)
        assert isinstance(queue, Queue)
        for part, terms in zip(parts(queue), (settings, *_below(settings)), strict=True):
            part.change(terms)


def parts(queue: Queue) -> list[Queue]:
    """It and its dead-letter queue and its transfer dead-letter queue."""
    return [each for each in (queue, queue.dead_letters, queue.transfer_dead_letters) if each]


def _below(settings: QueueSettings) -> tuple[QueueSettings, QueueSettings]:
    """The dead-letter queue and the transfer dead-letter queue of a queue."""
    dead_letters = QueueSettings(
        name=f"{settings.name}/{DEAD_LETTERS}",
        lock_seconds=settings.lock_seconds,
        max_delivery_count=None,
        max_message_bytes=settings.max_message_bytes,
        forward_to=settings.forward_dead_letters_to,
        status=settings.status,
    )
    name = f"{settings.name}/{TRANSFER_DEAD_LETTERS}"
    return dead_letters, replace(dead_letters, name=name, forward_to=None)


def _terms(settings: SubscriptionSettings, topic: TopicSettings) -> QueueSettings:
    """A subscription's queue."""
    return QueueSettings(
        name=settings.path,
        lock_seconds=settings.lock_seconds,
        max_delivery_count=settings.max_delivery_count,
        sessions=settings.sessions,
        time_to_live=settings.time_to_live,
        dead_letter_expired=settings.dead_letter_expired,
        max_message_bytes=topic.max_message_bytes,
        max_megabytes=topic.max_megabytes,
        forward_to=settings.forward_to,
        forward_dead_letters_to=settings.forward_dead_letters_to,
        status=settings.status,
    )
