"""Queues, topics and subscriptions as XML: which element is which setting, and the facts beside."""

import base64
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import Element

from retrain.local.servicebus.admin.atom import moment
from retrain.local.servicebus.admin.markup import COUNTS, child, texts, write, write_all
from retrain.local.servicebus.admin.values import (
    read_duration,
    read_flag,
    read_number,
    write_duration,
    write_flag,
)
from retrain.local.servicebus.catalogue import Entry
from retrain.local.servicebus.engine.namespace import Counts
from retrain.local.servicebus.errors import BadRequest
from retrain.local.servicebus.sas import Right
from retrain.local.servicebus.settings import (
    AccessRule,
    QueueSettings,
    Status,
    SubscriptionSettings,
    TopicSettings,
)

Described = QueueSettings | TopicSettings | SubscriptionSettings


@dataclass(frozen=True, slots=True)
class Field:
    """One element's setting, and the ways from its text and back."""

    name: str
    read: Callable[[str], Any]
    write: Callable[[Any], str | None]


def _status(value: str) -> Status:
    try:
        return Status(value)
    except ValueError as error:
        raise BadRequest(f"An entity can't be given the status '{value}'.") from error


def _duration(name: str) -> Field:
    return Field(name, read_duration, write_duration)


def _flag(name: str) -> Field:
    return Field(name, read_flag, write_flag)


def _number(name: str, unit: int = 1) -> Field:
    return Field(name, lambda value: read_number(value) * unit, lambda value: str(value // unit))


def _text(name: str) -> Field:
    return Field(name, lambda value: value or None, lambda value: value or None)


#: Every element that is one setting, whatever it describes. (Duplicate detection is two elements.)
FIELDS: Final = {
    "LockDuration": _duration("lock_seconds"),
    "MaxSizeInMegabytes": _number("max_megabytes"),
    "RequiresSession": _flag("sessions"),
    "DefaultMessageTimeToLive": _duration("time_to_live"),
    "DeadLetteringOnMessageExpiration": _flag("dead_letter_expired"),
    "DeadLetteringOnFilterEvaluationExceptions": _flag("dead_letter_filter_errors"),
    "MaxDeliveryCount": _number("max_delivery_count"),
    "EnableBatchedOperations": _flag("batched"),
    "FilteringMessagesBeforePublishing": _flag("filter_before_publishing"),
    "Status": Field("status", _status, str),
    "ForwardTo": _text("forward_to"),
    "SupportOrdering": _flag("support_ordering"),
    "ForwardDeadLetteredMessagesTo": _text("forward_dead_letters_to"),
    "AutoDeleteOnIdle": _duration("auto_delete_on_idle"),
    "EnablePartitioning": _flag("partitioned"),
    "EnableExpress": _flag("express"),
    "UserMetadata": _text("user_metadata"),
    "MaxMessageSizeInKilobytes": _number("max_message_bytes", 1024),
}
_DETECTION: Final = ("RequiresDuplicateDetection", "DuplicateDetectionHistoryTimeWindow")
_WINDOW: Final = 600.0
#: Settings that an update keeps when it does not speak of them, since they can't change anyhow.
_FIXED: Final = ("sessions", "partitioned", "duplicate_window")
_FORWARDING: Final = ("ForwardTo", "ForwardDeadLetteredMessagesTo")

#: What each description holds, in the service's order, on which its own client relies.
_QUEUE: Final = """
    LockDuration MaxSizeInMegabytes RequiresDuplicateDetection RequiresSession
    DefaultMessageTimeToLive DeadLetteringOnMessageExpiration DuplicateDetectionHistoryTimeWindow
    MaxDeliveryCount EnableBatchedOperations SizeInBytes MessageCount IsAnonymousAccessible
    AuthorizationRules Status CreatedAt UpdatedAt AccessedAt SupportOrdering CountDetails
    AutoDeleteOnIdle EnablePartitioning EntityAvailabilityStatus EnableExpress ForwardTo
    UserMetadata ForwardDeadLetteredMessagesTo MaxMessageSizeInKilobytes
"""
_TOPIC: Final = """
    DefaultMessageTimeToLive MaxSizeInMegabytes RequiresDuplicateDetection
    DuplicateDetectionHistoryTimeWindow EnableBatchedOperations SizeInBytes
    FilteringMessagesBeforePublishing IsAnonymousAccessible AuthorizationRules Status CreatedAt
    UpdatedAt AccessedAt SupportOrdering CountDetails SubscriptionCount SqlFilterCount
    CorrelationFilterCount AutoDeleteOnIdle EnablePartitioning EntityAvailabilityStatus
    EnableSubscriptionPartitioning EnableExpress UserMetadata MaxMessageSizeInKilobytes
"""
_SUBSCRIPTION: Final = """
    LockDuration RequiresSession DefaultMessageTimeToLive DeadLetteringOnMessageExpiration
    DeadLetteringOnFilterEvaluationExceptions MessageCount MaxDeliveryCount
    EnableBatchedOperations Status ForwardTo CreatedAt UpdatedAt AccessedAt CountDetails
    ForwardDeadLetteredMessagesTo AutoDeleteOnIdle EntityAvailabilityStatus UserMetadata
"""
ORDER: Final[dict[type[Described], tuple[str, ...]]] = {
    QueueSettings: tuple(_QUEUE.split()),
    TopicSettings: tuple(_TOPIC.split()),
    SubscriptionSettings: tuple(_SUBSCRIPTION.split()),
}
_COUNTS: Final = {
    "d2p1:ActiveMessageCount": "active",
    "d2p1:DeadLetterMessageCount": "dead_letters",
    "d2p1:ScheduledMessageCount": "scheduled",
    "d2p1:TransferMessageCount": "transfer",
    "d2p1:TransferDeadLetterMessageCount": "transfer_dead_letters",
}


# -- reading


def read_settings(
    element: Element, kind: type[Described], names: dict[str, str], old: Described | None
) -> Any:
    """A description as settings. names: what the address says. old: what is updated, if any.

    Raises BadRequest.
    """
    told = texts(element)
    values: dict[str, Any] = dict(names)
    if old is not None:
        values |= {name: getattr(old, name) for name in _FIXED if hasattr(old, name)}
    for name in ORDER[kind]:
        field = FIELDS.get(name)
        if field and told.get(name) and field.name in kind.__dataclass_fields__:
            values[field.name] = field.read(told[name])
    if "access" in kind.__dataclass_fields__:
        values["access"] = _read_access(child(element, "AuthorizationRules"))
    if "duplicate_window" in kind.__dataclass_fields__:
        values["duplicate_window"] = _read_window(told, values.get("duplicate_window"))
    return kind(**values)


def _read_window(told: dict[str, str], old: float | None) -> float | None:
    requires, window = (told.get(name) for name in _DETECTION)
    detects = read_flag(requires) if requires else old is not None
    if not detects:
        return None
    return (read_duration(window) if window else old) or _WINDOW


def _read_access(rules: Element | None) -> tuple[AccessRule, ...]:
    return tuple(_read_rule(each) for each in ([] if rules is None else rules))


def _read_rule(element: Element) -> AccessRule:
    told = texts(element)
    name = told.get("KeyName")
    rights = [(each.text or "").strip() for each in child(element, "Rights") or ()]
    if not name or not rights or not set(rights) <= set(Right):
        raise BadRequest("An authorization rule needs a KeyName, and Rights: Manage, Send, Listen.")
    return AccessRule(
        name=name,
        rights=tuple(rights),
        primary_key=told.get("PrimaryKey") or _new_key(),
        secondary_key=told.get("SecondaryKey") or _new_key(),
    )


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


# -- writing


def write_settings(
    entry: Entry[Described], counts: Counts, host: str, more: Mapping[str, int]
) -> str:
    """What is inside a description.

    host: to which what it forwards to belongs. more: facts that only its kind has.
    """
    settings = entry.settings
    told: dict[str, str | None] = {
        name: field.write(getattr(settings, field.name))
        for name, field in FIELDS.items()
        if hasattr(settings, field.name)
    }
    for name in _FORWARDING:
        if told.get(name):
            told[name] = f"sb://{host}/{told[name]}"
    told |= _facts(entry, counts) | {name: str(count) for name, count in more.items()}
    window = getattr(settings, "duplicate_window", None)
    detection = write_flag(window is not None), write_duration(window or _WINDOW)
    told |= dict(zip(_DETECTION, detection, strict=True))
    return "".join(
        _MARKUP[name](settings, counts) if name in _MARKUP else write_all([(name, told[name])])
        for name in ORDER[type(settings)]
    )


def _facts(entry: Entry[Described], counts: Counts) -> dict[str, str | None]:
    return {
        "SizeInBytes": str(counts.size),
        "MessageCount": str(counts.total),
        "SubscriptionCount": str(counts.subscriptions),
        "IsAnonymousAccessible": "false",
        "EnableSubscriptionPartitioning": "false",
        "EntityAvailabilityStatus": "Available",
        "SupportOrdering": write_flag(getattr(entry.settings, "support_ordering", True)),
        "CreatedAt": moment(entry.created_at),
        "UpdatedAt": moment(entry.updated_at),
        "AccessedAt": moment(entry.accessed_at),
    }


def _write_access(settings: Any, _: Counts) -> str:
    return write("AuthorizationRules", "".join(map(_write_rule, settings.access)))


def _write_rule(rule: AccessRule) -> str:
    rights = "".join(write("AccessRights", right) for right in rule.rights)
    told = [("ClaimType", "SharedAccessKey"), ("ClaimValue", "None")]
    keys = [
        ("KeyName", rule.name),
        ("PrimaryKey", rule.primary_key),
        ("SecondaryKey", rule.secondary_key),
    ]
    inside = write_all(told) + write("Rights", rights) + write_all(keys)
    return write("AuthorizationRule", inside, {"i:type": "SharedAccessAuthorizationRule"})


def _write_counts(_: Any, counts: Counts) -> str:
    inside = write_all((name, str(getattr(counts, field))) for name, field in _COUNTS.items())
    return write("CountDetails", inside, {"xmlns:d2p1": COUNTS})


#: The elements that hold others.
_MARKUP: Final[dict[str, Callable[[Any, Counts], str]]] = {
    "AuthorizationRules": _write_access,
    "CountDetails": _write_counts,
}
