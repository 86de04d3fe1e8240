"""Which settings an entity can have, and which of them can change while it lives."""

import re
from collections.abc import Container
from dataclasses import replace
from typing import Final, TypeVar

from retrain.local.servicebus.errors import InvalidEntity
from retrain.local.servicebus.rules.rule import Rule
from retrain.local.servicebus.settings import (
    EntitySettings,
    QueueSettings,
    RuleSettings,
    SubscriptionSettings,
    TopicSettings,
)

_Settings = TypeVar("_Settings", bound=EntitySettings)

#: Queues and topics may stand in folders; what is below a topic has short names.
_LONG_NAME: Final = re.compile(r"\w(?:[\w./~-]{0,258}[\w~-])?", re.ASCII)
_SHORT_NAME: Final = re.compile(r"[\w$](?:[\w.$-]{0,48}[\w$-])?", re.ASCII)
_DEEPER: Final = re.compile(r"/(subscriptions|rules)(/|$)", re.IGNORECASE)
#: By field: the service's name of it, what it must lie between, and in which words.
_RANGES: Final = {
    "lock_seconds": ("LockDuration", 0.001, 300.0, "a duration of at most PT5M"),
    "max_delivery_count": ("MaxDeliveryCount", 1, 2000, "1 to 2000"),
    "duplicate_window": (
        "DuplicateDetectionHistoryTimeWindow",
        0.001,
        604_800.0,
        "a duration of at most P7D",
    ),
    "time_to_live": ("DefaultMessageTimeToLive", 0.001, float("inf"), "a duration above zero"),
    "auto_delete_on_idle": (
        "AutoDeleteOnIdle",
        300.0,
        float("inf"),
        "a duration of at least PT5M",
    ),
    "max_message_bytes": ("MaxMessageSizeInKilobytes", 1, 104_857_600, "1 to 102400"),
    "max_megabytes": ("MaxSizeInMegabytes", 1, 81_920, "1 to 81920"),
}
_METADATA: Final = 1024
#: Fields that are as they were made, and the service's names of them.
_FIXED: Final = {"sessions": "RequiresSession", "partitioned": "EnablePartitioning"}


def normal(settings: _Settings) -> _Settings:
    """With forwarding as a path, if it was given as an address of a namespace."""
    if not isinstance(settings, QueueSettings | SubscriptionSettings):
        return settings
    forward_to = _path(settings.forward_to)
    return replace(
        settings,
        forward_to=forward_to,
        forward_dead_letters_to=_path(settings.forward_dead_letters_to),
        # Forwarding counts as receiving, so that such an entity is never idle.
        auto_delete_on_idle=None if forward_to else settings.auto_delete_on_idle,
    )


def _path(address: str | None) -> str | None:
    if address and "://" in address:
        address = address.split("://", 1)[1].partition("/")[2]
    return address.strip("/") if address else None


def check(settings: EntitySettings) -> None:
    """Raises InvalidEntity: such an entity can't be."""
    _check_name(settings)
    for field, (name, low, high, words) in _RANGES.items():
        value = getattr(settings, field, None)
        if value is not None and not low <= value <= high:
            raise InvalidEntity(f"{name} of '{settings.path}' must be {words}.")
    metadata = getattr(settings, "user_metadata", None)
    if metadata and len(metadata) > _METADATA:
        raise InvalidEntity(f"UserMetadata of '{settings.path}' is over {_METADATA} characters.")
    if isinstance(settings, QueueSettings | SubscriptionSettings):
        _check_forwarding(settings)
    if isinstance(settings, RuleSettings):
        Rule(settings)  # its texts are read


def _check_name(settings: EntitySettings) -> None:
    long = isinstance(settings, QueueSettings | TopicSettings)
    pattern = _LONG_NAME if long else _SHORT_NAME
    if not pattern.fullmatch(settings.name) or (long and _DEEPER.search(settings.name)):
        most = 260 if long else 50
        raise InvalidEntity(
            f"'{settings.name}' can't be a name: letters, digits, '.', '-', '_'"
            f"{' and / ' if long else ' '}up to {most} characters, beginning and ending with a "
            "letter or digit."
        )


def _check_forwarding(settings: QueueSettings | SubscriptionSettings) -> None:
    if settings.forward_to and settings.sessions:
        raise InvalidEntity(
            f"'{settings.path}' requires sessions, so it can't forward: "
            "auto-forwarding is not there for entities with sessions."
        )
    for name in ("forward_to", "forward_dead_letters_to"):
        target = getattr(settings, name)
        if target and target.lower() == settings.path.lower():
            raise InvalidEntity(f"'{settings.path}' can't forward to itself.")


def check_targets(settings: EntitySettings, targets: Container[str]) -> None:
    """targets: paths of queues and topics, in lower case. Raises InvalidEntity."""
    if not isinstance(settings, QueueSettings | SubscriptionSettings):
        return
    for target in (settings.forward_to, settings.forward_dead_letters_to):
        if target is not None and target.lower() not in targets:
            raise InvalidEntity(
                f"'{settings.path}' can't forward to '{target}': there is no such queue or topic."
            )


def check_change(old: EntitySettings, new: EntitySettings) -> None:
    """Raises InvalidEntity: an entity that lives can't change so."""
    if isinstance(old, RuleSettings):
        return
    for name, official in _FIXED.items():
        if getattr(old, name, None) != getattr(new, name, None):
            raise InvalidEntity(
                f"The value for the {official} property of an existing entity cannot be changed: "
                f"'{old.path}'."
            )
    before, after = (getattr(each, "duplicate_window", None) for each in (old, new))
    if (before is None) != (after is None):
        raise InvalidEntity(
            "The value for the RequiresDuplicateDetection property of an existing entity cannot "
            f"be changed: '{old.path}'."
        )
