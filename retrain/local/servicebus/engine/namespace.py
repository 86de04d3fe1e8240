"""The entities of a namespace by address, and what is common to them."""

from collections import Counter

from retrain.local.servicebus.config import NamespaceSettings, QueueSettings
from retrain.local.servicebus.engine.clock import Clock
from retrain.local.servicebus.engine.queue import Queue
from retrain.local.servicebus.errors import EntityNotFound
from retrain.local.servicebus.store import Store

DEAD_LETTERS = "$DeadLetterQueue"


class Namespace:
    """Every queue and its dead-letter queue, as the store left them.

    calls: counts the operations served, by kind.
    """

    def __init__(
        self, settings: NamespaceSettings, store: Store, clock: Clock, calls: Counter[str]
    ) -> None:
        self._entities: dict[str, Queue] = {}
        for queue in settings.queues:
            below = QueueSettings(
                name=f"{queue.name}/{DEAD_LETTERS}",
                lock_seconds=queue.lock_seconds,
                max_delivery_count=None,
                max_message_bytes=queue.max_message_bytes,
            )
            dead_letters = Queue(below, store.queue(below.name), clock, calls, None)
            made = Queue(queue, store.queue(queue.name), clock, calls, dead_letters)
            for entity in (dead_letters, made):
                entity.restore()
                self._entities[entity.name.lower()] = entity

    def find(self, address: str) -> Queue:
        """By path, whatever its case. Raises EntityNotFound."""
        found = self._entities.get(address.strip("/").lower())
        if found is None:
            raise EntityNotFound(address)
        return found

    def stop(self) -> None:
        for entity in self._entities.values():
            entity.stop()
