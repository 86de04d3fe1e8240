"""What the config file declares, merged with what the store remembers of earlier runs."""

from collections.abc import Iterator
from dataclasses import replace

from retrain.local.servicebus.catalogue import Catalogue, Entry
from retrain.local.servicebus.engine.validation import normal
from retrain.local.servicebus.settings import (
    DEFAULT_RULE,
    EntitySettings,
    NamespaceSettings,
    RuleSettings,
    SubscriptionSettings,
)
from retrain.local.servicebus.store import Store

Entries = dict[str, Entry[EntitySettings]]


def merge(
    declared: NamespaceSettings, catalogue: Catalogue, store: Store, now: float
) -> list[Entry[EntitySettings]]:
    """The entries to begin with, saved; what is below another one comes after it.

    The config file wins on what it declares. What it does not declare any more is gone, though its
    messages stay for the day it comes back; what was made at run time stays.
    """
    stored = {entry.settings.path.lower(): entry for entry in catalogue.load()}
    wanted = {settings.path.lower(): settings for settings in _all(declared)}
    found: Entries = {}
    for path, entry in stored.items():
        if path not in wanted and not entry.declared:
            found[path] = entry
        elif path not in wanted:
            catalogue.remove(path)
    for path, settings in wanted.items():
        found[path] = _declare(settings, stored.get(path), store, now)
    _settle_default_rules(found, stored, catalogue, now)
    kept = [entry for entry in _in_order(found) if _parent(entry.settings) in {"", *found}]
    for entry in kept:
        catalogue.save(entry)
    return kept


def _all(declared: NamespaceSettings) -> Iterator[EntitySettings]:
    yield from map(normal, declared.queues)
    yield from map(normal, declared.topics)
    yield from map(normal, declared.subscriptions)
    yield from map(normal, declared.rules)


def _declare(
    settings: EntitySettings, before: Entry[EntitySettings] | None, store: Store, now: float
) -> Entry[EntitySettings]:
    if before and type(before.settings) is not type(settings):
        store.drop(settings.path)  # it was a queue and is a topic now, or the other way round
        before = None
    if before is None:
        return Entry(settings, True, now, now, now)
    changed = now if before.settings != settings else before.updated_at
    return replace(before, settings=settings, declared=True, updated_at=changed)


def _settle_default_rules(
    found: Entries, stored: Entries, catalogue: Catalogue, now: float
) -> None:
    """A declared subscription has the rules declared for it; the default one if there are none."""
    for path, entry in list(found.items()):
        subscription = entry.settings
        if not isinstance(subscription, SubscriptionSettings) or not entry.declared:
            continue
        rules = {key: each for key, each in found.items() if _parent(each.settings) == path}
        default = RuleSettings(
            topic=subscription.topic, subscription=subscription.name, name=DEFAULT_RULE
        )
        key = default.path.lower()
        if any(rule.declared for rule in rules.values()):
            if key in rules and not rules[key].declared:
                del found[key]
                catalogue.remove(key)
        elif path not in stored or (not rules and _had_declared_rules(path, stored)):
            found[key] = Entry(default, False, now, now, now)


def _had_declared_rules(path: str, stored: Entries) -> bool:
    return any(each.declared and _parent(each.settings) == path for each in stored.values())


def _parent(settings: EntitySettings) -> str:
    """The path of what it belongs to; empty for queues and topics."""
    if isinstance(settings, RuleSettings):
        return settings.parent.lower()
    return settings.topic.lower() if isinstance(settings, SubscriptionSettings) else ""


def _in_order(found: Entries) -> list[Entry[EntitySettings]]:
    return [found[path] for path in sorted(found)]
