"""What the entities of a namespace are told to be. Durations are seconds; None: never.

An entity's `path` is its address, as the service's own REST has it: `orders`, `news`,
`news/Subscriptions/all`, `news/Subscriptions/all/Rules/$Default`. Paths are equal whatever their
case.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import PlainSerializer, PlainValidator

#: Standard tier's limit, and Microsoft's emulator's.
MESSAGE_BYTES: Final = 256 * 1024
#: The rule of a subscription that was made without one: everything.
DEFAULT_RULE: Final = "$Default"


class Status(StrEnum):
    """What an entity does: both ways, none, or only one of them."""

    ACTIVE = "Active"
    DISABLED = "Disabled"
    SEND_DISABLED = "SendDisabled"
    RECEIVE_DISABLED = "ReceiveDisabled"

    @property
    def sends(self) -> bool:
        """Whether senders may send to it."""
        return self in (Status.ACTIVE, Status.RECEIVE_DISABLED)

    @property
    def receives(self) -> bool:
        """Whether receivers may receive from it."""
        return self in (Status.ACTIVE, Status.SEND_DISABLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRule:
    """A key of one entity. rights: of Send, Listen, Manage."""

    name: str
    rights: tuple[str, ...] = ()
    primary_key: str = ""
    secondary_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """One queue. forward_to, forward_dead_letters_to: the path of a queue or topic.

    partitioned, express, batched: kept and told, though one machine has no use for them.
    """

    name: str
    lock_seconds: float = 60.0
    max_delivery_count: int | None = 10
    sessions: bool = False
    duplicate_window: float | None = None
    time_to_live: float | None = None
    dead_letter_expired: bool = False
    max_message_bytes: int = MESSAGE_BYTES
    max_megabytes: int = 1024
    forward_to: str | None = None
    forward_dead_letters_to: str | None = None
    auto_delete_on_idle: float | None = None
    status: Status = Status.ACTIVE
    user_metadata: str | None = None
    batched: bool = True
    partitioned: bool = False
    express: bool = False
    access: tuple[AccessRule, ...] = ()

    @property
    def path(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSettings:
    """One topic. What it takes in goes to its subscriptions; it keeps only what is scheduled."""

    name: str
    duplicate_window: float | None = None
    time_to_live: float | None = None
    max_message_bytes: int = MESSAGE_BYTES
    max_megabytes: int = 1024
    auto_delete_on_idle: float | None = None
    status: Status = Status.ACTIVE
    user_metadata: str | None = None
    support_ordering: bool = True
    filter_before_publishing: bool = False
    batched: bool = True
    partitioned: bool = False
    express: bool = False
    access: tuple[AccessRule, ...] = ()

    @property
    def path(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionSettings:
    """One subscription. dead_letter_filter_errors: a message that a rule can't judge is kept so."""

    topic: str
    name: str
    lock_seconds: float = 60.0
    max_delivery_count: int | None = 10
    sessions: bool = False
    time_to_live: float | None = None
    dead_letter_expired: bool = False
    dead_letter_filter_errors: bool = True
    forward_to: str | None = None
    forward_dead_letters_to: str | None = None
    auto_delete_on_idle: float | None = None
    status: Status = Status.ACTIVE
    user_metadata: str | None = None
    batched: bool = True

    @property
    def path(self) -> str:
        return f"{self.topic}/Subscriptions/{self.name}"


# -- rules

_TYPES: Final[dict[str, Any]] = {
    "bool": bool,
    "int": int,
    "float": float,
    "str": str,
    "datetime": datetime.fromisoformat,
    "timedelta": lambda seconds: timedelta(seconds=seconds),
}


def _tagged(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON that still knows a time from a text."""
    return {name: [type(value).__name__, _plain(value)] for name, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.total_seconds() if isinstance(value, timedelta) else value


def _untagged(values: Any) -> Any:
    return {name: _TYPES[kind](value) for name, (kind, value) in values.items()}


#: By name: bool, int, float, str, datetime (with a zone) or timedelta.
Values = Annotated[Mapping[str, Any], PlainSerializer(_tagged), PlainValidator(_untagged)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelationFilter:
    """Matches when every field that is set is equal to the message's; `properties` too."""

    correlation_id: str | None = None
    message_id: str | None = None
    to: str | None = None
    reply_to: str | None = None
    label: str | None = None
    session_id: str | None = None
    reply_to_session_id: str | None = None
    content_type: str | None = None
    properties: Values = field(default_factory=dict)
    kind: Literal["correlation"] = "correlation"


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlFilter:
    """Matches when the condition is true. parameters: by name, with its `@`."""

    expression: str
    parameters: Values = field(default_factory=dict)
    kind: Literal["sql"] = "sql"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueFilter:
    """Matches every message."""

    kind: Literal["true"] = "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseFilter:
    """Matches none."""

    kind: Literal["false"] = "false"


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlAction:
    """What a matching rule changes in the subscription's copy of the message."""

    expression: str
    parameters: Values = field(default_factory=dict)


Filter = CorrelationFilter | SqlFilter | TrueFilter | FalseFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSettings:
    """One rule of a subscription: which messages it takes, and what it makes of them."""

    topic: str
    subscription: str
    name: str
    filter: Filter = TrueFilter()
    action: SqlAction | None = None

    @property
    def parent(self) -> str:
        """The subscription's path."""
        return f"{self.topic}/Subscriptions/{self.subscription}"

    @property
    def path(self) -> str:
        return f"{self.parent}/Rules/{self.name}"


EntitySettings = QueueSettings | TopicSettings | SubscriptionSettings | RuleSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceSettings:
    """The one namespace's entities. A subscription of which no rule is declared has the default."""

    name: str = "sbemulatorns"
    queues: tuple[QueueSettings, ...] = ()
    topics: tuple[TopicSettings, ...] = ()
    subscriptions: tuple[SubscriptionSettings, ...] = ()
    rules: tuple[RuleSettings, ...] = ()
