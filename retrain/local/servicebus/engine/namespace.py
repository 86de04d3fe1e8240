"""The entities of a namespace, from the config file and from run time alike.

What the config file declares is as it says there after each start. What was made at run time stays
until it is deleted. Paths are addresses, equal whatever their case.
"""

from collections import Counter
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from retrain.local.faults import Faults
from retrain.local.servicebus.catalogue import Catalogue, Entry
from retrain.local.servicebus.engine.clock import Clock
from retrain.local.servicebus.engine.declared import merge
from retrain.local.servicebus.engine.entities import Entities, Entity, parts
from retrain.local.servicebus.engine.idle import IdleWatch, last_used
from retrain.local.servicebus.engine.queue import Queue
from retrain.local.servicebus.engine.topic import Topic
from retrain.local.servicebus.engine.validation import check, check_change, check_targets, normal
from retrain.local.servicebus.errors import EntityExists, EntityNotFound, NotAllowed
from retrain.local.servicebus.settings import (
    DEFAULT_RULE,
    AccessRule,
    EntitySettings,
    NamespaceSettings,
    QueueSettings,
    RuleSettings,
    SubscriptionSettings,
    TopicSettings,
)
from retrain.local.servicebus.store import Store

__all__ = ["Counts", "Entry", "Namespace"]

_Settings = TypeVar("_Settings", bound=EntitySettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What an entity holds. active: ready, locked or deferred. size: of those and the dead, bytes.

    transfer: messages that wait to be forwarded; here none waits.
    """

    active: int = 0
    scheduled: int = 0
    dead_letters: int = 0
    transfer: int = 0
    transfer_dead_letters: int = 0
    size: int = 0
    subscriptions: int = 0

    @property
    def total(self) -> int:
        return self.active + self.scheduled + self.dead_letters + self.transfer_dead_letters


class Namespace:
    """Every entity, as the store left them and as the config file has them.

    calls: counts the operations served, by kind. faults: what it suffers.
    """

    def __init__(
        self,
        settings: NamespaceSettings,
        store: Store,
        clock: Clock,
        calls: Counter[str],
        faults: Faults | None = None,
    ) -> None:
        """Raises InvalidEntity, DataFolderUnusable."""
        self.name = settings.name
        self._clock = clock
        self._catalogue = Catalogue(store)
        self.faults = faults or Faults()
        self._entities = Entities(store, clock, calls, self.faults)
        self._entries: dict[str, Entry[EntitySettings]] = {}
        for entry in merge(settings, self._catalogue, store, clock.now()):
            self._entries[entry.settings.path.lower()] = entry
            if entry.declared:
                check(entry.settings)
            self._entities.add(entry.settings)
        for entity in self._entities:
            entity.restore()
        for entity in self._entities:
            entity.open()
        self._idle = IdleWatch(clock, self.delete)
        for entry in self._entries.values():
            self._watch(entry.settings)

    def stop(self) -> None:
        """Note when each entity was last used, and end every timer."""
        self._idle.stop()
        for path in self._entries:
            self._catalogue.save(self.describe(path))
        for entity in self._entities:
            entity.stop()

    # -- by address, for those who send and receive

    def find(self, address: str) -> Entity:
        """A queue, sub-queue, subscription's queue, or topic. Raises EntityNotFound."""
        return self._entities.find(address)

    def receiving(self, address: str) -> Queue:
        """What can be received from. Raises EntityNotFound, NotAllowed for a topic."""
        found = self.find(address)
        if isinstance(found, Topic):
            raise NotAllowed(
                f"Cannot create a message receiver on the topic '{found.name}': "
                "receive from one of its subscriptions."
            )
        return found

    def sending(self, address: str) -> Entity:
        """What can be sent to. Raises EntityNotFound, NotAllowed for what only receives."""
        found = self.find(address)
        if isinstance(found, Queue) and found.dead_letters is None:
            raise NotAllowed("A dead-letter queue takes no messages from senders.")
        if isinstance(self._entries[found.name.lower()].settings, SubscriptionSettings):
            raise NotAllowed(
                f"Cannot create a message sender on the subscription '{found.name}': "
                "send to its topic."
            )
        return found

    # -- what there is

    def describe(self, path: str) -> Entry[EntitySettings]:
        """Whatever is there. Raises EntityNotFound, as all of these do."""
        found = self._entries.get(path.strip("/").lower())
        if found is None:
            raise EntityNotFound(path)
        if not isinstance(found.settings, RuleSettings):
            found.accessed_at = max(found.accessed_at, last_used(self.find(path)))
        return found

    def queue(self, name: str) -> Entry[QueueSettings]:
        return self._entry(name, QueueSettings)

    def topic(self, name: str) -> Entry[TopicSettings]:
        return self._entry(name, TopicSettings)

    def subscription(self, topic: str, name: str) -> Entry[SubscriptionSettings]:
        return self._entry(f"{topic}/Subscriptions/{name}", SubscriptionSettings)

    def rule(self, topic: str, subscription: str, name: str) -> Entry[RuleSettings]:
        path = f"{topic}/Subscriptions/{subscription}/Rules/{name}"
        return self._entry(path, RuleSettings)

    def queues(self) -> list[Entry[QueueSettings]]:
        """By name, as all of these are."""
        return self._below("", QueueSettings)

    def topics(self) -> list[Entry[TopicSettings]]:
        return self._below("", TopicSettings)

    def subscriptions(self, topic: str) -> list[Entry[SubscriptionSettings]]:
        """Raises EntityNotFound when there is no such topic."""
        return self._below(f"{self.topic(topic).settings.path}/", SubscriptionSettings)

    def rules(self, topic: str, subscription: str) -> list[Entry[RuleSettings]]:
        """Raises EntityNotFound when there is no such subscription."""
        return self._below(f"{self.subscription(topic, subscription).settings.path}/", RuleSettings)

    def counts(self, path: str) -> Counts:
        """What the queue, topic or subscription holds now. Raises EntityNotFound."""
        found = self.find(path)
        scheduled = found.intake.scheduled
        if isinstance(found, Topic):
            queues = [each.queue for each in found.subscriptions.values()]
            size = found.held.size + sum(map(_size, queues))
            return Counts(scheduled=scheduled, subscriptions=len(queues), size=size)
        active = len(found.messages) - scheduled
        if found.dead_letters is None or found.transfer_dead_letters is None:
            return Counts(active=active, size=found.held.size)
        return Counts(
            active=active,
            scheduled=scheduled,
            dead_letters=len(found.dead_letters.messages),
            transfer_dead_letters=len(found.transfer_dead_letters.messages),
            size=_size(found),
        )

    def access(self, path: str) -> tuple[AccessRule, ...]:
        """The keys of the queue or topic; none when there is no such one."""
        entry = self._entries.get(path.lower())
        settings = entry.settings if entry else None
        return settings.access if isinstance(settings, QueueSettings | TopicSettings) else ()

    # -- changing what there is

    def create(
        self, settings: _Settings, *, default_rule: RuleSettings | None = None
    ) -> Entry[_Settings]:
        """default_rule: a new subscription's first, in place of the one that takes everything.

        Raises EntityExists, InvalidEntity, EntityNotFound when what it belongs to is not there.
        """
        settings = self._spelled(normal(settings))
        check(settings)
        if settings.path.lower() in self._entries:
            raise EntityExists(settings.path)
        self._check_targets(settings)
        first = _first_rule(settings, default_rule)
        self._entities.forget(settings.path)
        self._entities.add(settings)
        now = self._clock.now()
        entry = Entry(settings, False, now, now, now)
        self._keep(entry)
        if first:
            self.create(first)
        return entry

    def update(self, settings: _Settings) -> Entry[_Settings]:
        """Make an entity as told. Raises EntityNotFound, InvalidEntity."""
        settings = self._spelled(normal(settings))
        old = self._entry(settings.path, type(settings))
        settings = replace(settings, name=old.settings.name)
        check(settings)
        check_change(old.settings, settings)
        self._check_targets(settings)
        self._entities.change(settings)
        entry = replace(old, settings=settings, updated_at=self._clock.now())
        self._keep(entry)
        return entry

    def delete(self, path: str) -> None:
        """With all that is in it and below it. Raises EntityNotFound."""
        key = path.strip("/").lower()
        if key not in self._entries:
            raise EntityNotFound(path)
        for below in [each for each in self._entries if each.startswith(f"{key}/")]:
            if below in self._entries and not self._is_apart(below):
                self.delete(below)
        entry = self._entries.pop(key)
        self._catalogue.remove(key)
        self._unwatch(entry.settings)
        self._entities.remove(entry.settings)

    def _spelled(self, settings: _Settings) -> _Settings:
        """With the names of what it belongs to as those were made. Raises EntityNotFound."""
        told: EntitySettings = settings
        if isinstance(told, SubscriptionSettings):
            told = replace(told, topic=self.topic(told.topic).settings.name)
        elif isinstance(told, RuleSettings):
            parent = self.subscription(told.topic, told.subscription).settings
            told = replace(told, topic=parent.topic, subscription=parent.name)
        return cast("_Settings", told)

    def _keep(self, entry: Entry[EntitySettings]) -> None:
        self._entries[entry.settings.path.lower()] = entry
        self._catalogue.save(entry)
        self._watch(entry.settings)

    def _watch(self, settings: EntitySettings) -> None:
        """A rule's coming or changing is use of its subscription."""
        if isinstance(settings, RuleSettings):
            self.find(settings.parent).accessed_at = self._clock.now()
        else:
            entity = self.find(settings.path)
            self._idle.watch(settings.path.lower(), entity, settings.auto_delete_on_idle)

    def _unwatch(self, settings: EntitySettings) -> None:
        if not isinstance(settings, RuleSettings):
            self._idle.watch(settings.path.lower(), self.find(settings.path), None)

    def _entry(self, path: str, kind: type[_Settings]) -> Entry[_Settings]:
        found = self.describe(path)
        if not isinstance(found.settings, kind):
            raise EntityNotFound(path)
        return cast("Entry[_Settings]", found)

    def _below(self, path: str, kind: type[_Settings]) -> list[Entry[_Settings]]:
        found = sorted(key for key in self._entries if key.startswith(path.lower()))
        there = [key for key in found if isinstance(self._entries[key].settings, kind)]
        return [self._entry(key, kind) for key in there]

    def _check_targets(self, settings: EntitySettings) -> None:
        check_targets(settings, {key for key in self._entries if self._is_apart(key)})

    def _is_apart(self, key: str) -> bool:
        """A queue or topic: in a folder named like an entity, it is not below that."""
        return isinstance(self._entries[key].settings, QueueSettings | TopicSettings)


def _size(queue: Queue) -> int:
    return sum(part.held.size for part in parts(queue))


def _first_rule(settings: EntitySettings, told: RuleSettings | None) -> RuleSettings | None:
    """Of a new subscription. Raises InvalidEntity when the one that is told can't be."""
    if not isinstance(settings, SubscriptionSettings):
        return None
    told = told or RuleSettings(topic="", subscription="", name=DEFAULT_RULE)
    check(told)
    return replace(told, topic=settings.topic, subscription=settings.name)
