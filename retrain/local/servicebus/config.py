"""The entities, from a file in the form of Microsoft's own emulator's Config.json.

Only what this emulator does is accepted: a field that would be ignored is refused by its name.
"""

import json
from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from retrain.local.servicebus.config_file import (
    FIELDS,
    ConfigFile,
    NamespaceEntry,
    QueueEntry,
    RuleEntry,
    SubscriptionEntry,
    TopicEntry,
)
from retrain.local.servicebus.engine.validation import check, check_targets
from retrain.local.servicebus.errors import InvalidEntity
from retrain.local.servicebus.settings import (
    CorrelationFilter,
    EntitySettings,
    Filter,
    NamespaceSettings,
    QueueSettings,
    RuleSettings,
    SqlAction,
    SqlFilter,
    SubscriptionSettings,
    TopicSettings,
)


class ConfigError(ValueError):
    """The config file can't be used; the message names the file and the field."""


def read_config(path: Path) -> NamespaceSettings:
    """Raises ConfigError, also when the file can't be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"The config file {path} can't be read: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigError(f"The config file {path} is no JSON: {error}.") from error
    try:
        return parse_config(content)
    except ConfigError as error:
        raise ConfigError(f"The config file {path} can't be used:\n{error}") from error


def parse_config(content: Any) -> NamespaceSettings:
    """The decoded JSON. Raises ConfigError with one line for each field that is wrong."""
    try:
        file = ConfigFile.model_validate(content)
    except ValidationError as error:
        lines = (_line(each["loc"], each["type"], each["msg"]) for each in error.errors())
        raise ConfigError("\n".join(lines)) from error
    settings = _namespace(file.user_config.namespaces[0])
    problems = list(_problems(settings))
    if problems:
        raise ConfigError("\n".join(f"  {problem}" for problem in problems))
    return settings


def _namespace(entry: NamespaceEntry) -> NamespaceSettings:
    below = [(topic, each) for topic in entry.topics for each in topic.subscriptions]
    return NamespaceSettings(
        name=entry.name,
        queues=tuple(map(_queue, entry.queues)),
        topics=tuple(map(_topic, entry.topics)),
        subscriptions=tuple(_subscription(topic.name, each) for topic, each in below),
        rules=tuple(
            _rule(topic.name, each.name, rule) for topic, each in below for rule in each.rules
        ),
    )


def _queue(entry: QueueEntry) -> QueueSettings:
    told = entry.properties
    return QueueSettings(
        name=entry.name,
        lock_seconds=told.lock_duration,
        max_delivery_count=told.max_delivery_count,
        sessions=told.requires_session,
        duplicate_window=told.duplicate_window if told.requires_duplicate_detection else None,
        time_to_live=told.time_to_live,
        dead_letter_expired=told.dead_letter_expired,
        max_message_bytes=told.max_message_kilobytes * 1024,
        max_megabytes=told.max_megabytes,
        forward_to=told.forward_to,
        forward_dead_letters_to=told.forward_dead_letters_to,
        auto_delete_on_idle=told.auto_delete_on_idle,
        status=told.status,
        user_metadata=told.user_metadata,
    )


def _topic(entry: TopicEntry) -> TopicSettings:
    told = entry.properties
    return TopicSettings(
        name=entry.name,
        duplicate_window=told.duplicate_window if told.requires_duplicate_detection else None,
        time_to_live=told.time_to_live,
        max_message_bytes=told.max_message_kilobytes * 1024,
        max_megabytes=told.max_megabytes,
        auto_delete_on_idle=told.auto_delete_on_idle,
        status=told.status,
        user_metadata=told.user_metadata,
    )


def _subscription(topic: str, entry: SubscriptionEntry) -> SubscriptionSettings:
    told = entry.properties
    return SubscriptionSettings(
        topic=topic,
        name=entry.name,
        lock_seconds=told.lock_duration,
        max_delivery_count=told.max_delivery_count,
        sessions=told.requires_session,
        time_to_live=told.time_to_live,
        dead_letter_expired=told.dead_letter_expired,
        dead_letter_filter_errors=told.dead_letter_filter_errors,
        forward_to=told.forward_to,
        forward_dead_letters_to=told.forward_dead_letters_to,
        auto_delete_on_idle=told.auto_delete_on_idle,
        status=told.status,
        user_metadata=told.user_metadata,
    )


def _rule(topic: str, subscription: str, entry: RuleEntry) -> RuleSettings:
    told = entry.properties
    kind: Filter
    if told.sql:
        kind = SqlFilter(expression=told.sql.expression)
    else:
        assert told.correlation
        kind = CorrelationFilter(**told.correlation.model_dump())
    action = SqlAction(expression=told.action.expression) if told.action else None
    return RuleSettings(
        topic=topic, subscription=subscription, name=entry.name, filter=kind, action=action
    )


def _problems(settings: NamespaceSettings) -> Iterator[str]:
    """What is wrong between fields, and between entities."""
    entities: list[EntitySettings] = [*settings.queues, *settings.topics]
    targets = {each.path.lower() for each in entities}
    entities += [*settings.subscriptions, *settings.rules]
    for path, count in Counter(each.path.lower() for each in entities).items():
        if count > 1:
            yield f"two queues, topics, subscriptions or rules have the name {path!r}"
    for each in entities:
        try:
            check(each)
            check_targets(each, targets)
        except InvalidEntity as error:
            yield str(error)


def _line(location: tuple[int | str, ...], kind: str, message: str) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    if kind == "extra_forbidden":
        message = f"this emulator knows no such field{_hint(str(location[-1]))}"
    return f"  {path or 'the file'}: {message.removeprefix('Value error, ')}"


def _hint(word: str) -> str:
    if word in FIELDS:
        return " here"
    close = get_close_matches(word, FIELDS, 1)
    return f"; did you mean '{close[0]}'?" if close else ""
