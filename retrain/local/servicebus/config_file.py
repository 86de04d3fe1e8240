"""The form of Microsoft's emulator's Config.json, field by field; others are refused."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from retrain.local.servicebus.errors import InvalidEntity
from retrain.local.servicebus.rules import actions
from retrain.local.servicebus.rules.parser import Parser
from retrain.local.servicebus.settings import MESSAGE_BYTES, Status

_DURATION: Final = re.compile(
    r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII
)
_FIVE_MINUTES: Final = 300.0
_SEVEN_DAYS: Final = 604_800.0


def _duration(value: Any) -> float:
    """Seconds of an ISO 8601 duration such as PT1M or P14D."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or value[-1] in "PT":
        raise ValueError(f"{value!r} is no ISO 8601 duration; write for instance PT30S or P1D")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + seconds


def _condition(text: str) -> str:
    try:
        Parser(text, {}).whole_predicate()
    except InvalidEntity as error:
        raise ValueError(str(error)) from error
    return text


def _action(text: str) -> str:
    try:
        actions.parse(text, {})
    except InvalidEntity as error:
        raise ValueError(str(error)) from error
    return text


Duration = Annotated[float, BeforeValidator(_duration)]
#: Microsoft's sample writes what is not forwarded as an empty text.
Target = Annotated[str | None, AfterValidator(lambda text: text or None)]


class Strict(BaseModel):
    """An object whose fields are all known."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Entity(Strict):
    """What queues, topics and subscriptions have in common."""

    time_to_live: Duration | None = Field(None, alias="DefaultMessageTimeToLive", gt=0)
    auto_delete_on_idle: Duration | None = Field(None, alias="AutoDeleteOnIdle", ge=_FIVE_MINUTES)
    status: Status = Field(Status.ACTIVE, alias="Status", strict=False)
    user_metadata: str | None = Field(None, alias="UserMetadata", max_length=1024)


class _Incoming(_Entity):
    """What takes messages from senders."""

    requires_duplicate_detection: bool = Field(False, alias="RequiresDuplicateDetection")
    duplicate_window: Duration = Field(
        600.0, alias="DuplicateDetectionHistoryTimeWindow", gt=0, le=_SEVEN_DAYS
    )
    max_message_kilobytes: int = Field(
        MESSAGE_BYTES // 1024, alias="MaxMessageSizeInKilobytes", ge=1, le=102_400
    )
    max_megabytes: int = Field(1024, alias="MaxSizeInMegabytes", ge=1, le=81_920)


class _Outgoing(_Entity):
    """What gives messages to receivers."""

    lock_duration: Duration = Field(60.0, alias="LockDuration", gt=0, le=_FIVE_MINUTES)
    max_delivery_count: int = Field(10, alias="MaxDeliveryCount", ge=1, le=2000)
    requires_session: bool = Field(False, alias="RequiresSession")
    dead_letter_expired: bool = Field(False, alias="DeadLetteringOnMessageExpiration")
    forward_to: Target = Field(None, alias="ForwardTo")
    forward_dead_letters_to: Target = Field(None, alias="ForwardDeadLetteredMessagesTo")


class QueueProperties(_Incoming, _Outgoing):
    pass


class TopicProperties(_Incoming):
    pass


class SubscriptionProperties(_Outgoing):
    dead_letter_filter_errors: bool = Field(True, alias="DeadLetteringOnFilterEvaluationExceptions")


class Correlation(Strict):
    """Names of fields are those of settings.CorrelationFilter."""

    correlation_id: str | None = Field(None, alias="CorrelationId")
    message_id: str | None = Field(None, alias="MessageId")
    to: str | None = Field(None, alias="To")
    reply_to: str | None = Field(None, alias="ReplyTo")
    label: str | None = Field(None, alias="Label")
    session_id: str | None = Field(None, alias="SessionId")
    reply_to_session_id: str | None = Field(None, alias="ReplyToSessionId")
    content_type: str | None = Field(None, alias="ContentType")
    properties: dict[str, str | int | float | bool] = Field(
        default_factory=dict, alias="Properties"
    )


class Condition(Strict):
    expression: Annotated[str, AfterValidator(_condition)] = Field(alias="SqlExpression")


class Action(Strict):
    expression: Annotated[str, AfterValidator(_action)] = Field(alias="SqlExpression")


class RuleProperties(Strict):
    filter_type: str = Field(alias="FilterType", pattern="^(Correlation|Sql)$")
    correlation: Correlation | None = Field(None, alias="CorrelationFilter")
    sql: Condition | None = Field(None, alias="SqlFilter")
    action: Action | None = Field(None, alias="Action")

    @model_validator(mode="after")
    def _the_filter_is_there(self) -> Self:
        correlates = self.filter_type == "Correlation"
        if (self.correlation is not None) is not correlates or (self.sql is None) is not correlates:
            raise ValueError(f"a rule of FilterType {self.filter_type} has that filter alone")
        return self


LongName = Annotated[str, Field(min_length=1, max_length=260, pattern=r"^\w[\w./~-]*$")]
ShortName = Annotated[str, Field(min_length=1, max_length=50, pattern=r"^[\w$][\w.$-]*$")]


class RuleEntry(Strict):
    name: ShortName = Field(alias="Name")
    properties: RuleProperties = Field(alias="Properties")


class SubscriptionEntry(Strict):
    name: ShortName = Field(alias="Name")
    properties: SubscriptionProperties = Field(
        default_factory=lambda: SubscriptionProperties.model_validate({}), alias="Properties"
    )
    rules: list[RuleEntry] = Field(default_factory=list, alias="Rules")


class TopicEntry(Strict):
    name: LongName = Field(alias="Name")
    properties: TopicProperties = Field(
        default_factory=lambda: TopicProperties.model_validate({}), alias="Properties"
    )
    subscriptions: list[SubscriptionEntry] = Field(default_factory=list, alias="Subscriptions")


class QueueEntry(Strict):
    name: LongName = Field(alias="Name")
    properties: QueueProperties = Field(
        default_factory=lambda: QueueProperties.model_validate({}), alias="Properties"
    )


class NamespaceEntry(Strict):
    name: str = Field("sbemulatorns", alias="Name")
    queues: list[QueueEntry] = Field(default_factory=list, alias="Queues")
    topics: list[TopicEntry] = Field(default_factory=list, alias="Topics")


class _UserConfig(Strict):
    namespaces: list[NamespaceEntry] = Field(alias="Namespaces", min_length=1, max_length=1)
    logging: dict[str, Any] = Field(default_factory=dict, alias="Logging")


class ConfigFile(Strict):
    """The whole file."""

    user_config: _UserConfig = Field(alias="UserConfig")


def _names(model: type[BaseModel]) -> Iterator[str]:
    for field in model.model_fields.values():
        yield field.alias or ""
    for below in model.__subclasses__():
        yield from _names(below)


#: Every field that some object of the file has.
FIELDS: Final = frozenset(_names(Strict))
