"""The entities, from a file in the form of Microsoft's own emulator's Config.json.

Only what this emulator does is accepted: a field that would be ignored is refused by its name.
"""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from retrain.local.servicebus.settings import MESSAGE_BYTES, NamespaceSettings, QueueSettings

_DURATION: Final = re.compile(
    r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII
)


class ConfigError(ValueError):
    """The config file can't be used; the message names the file and the field."""


def _duration(value: Any) -> float:
    """Seconds of an ISO 8601 duration such as PT1M or P14D."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or value[-1] in "PT":
        raise ValueError(f"{value!r} is no ISO 8601 duration; write for instance PT30S or P1D")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + seconds


Duration = Annotated[float, BeforeValidator(_duration)]
_FIVE_MINUTES: Final = timedelta(minutes=5).total_seconds()
_SEVEN_DAYS: Final = timedelta(days=7).total_seconds()


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Properties(_Strict):
    lock_duration: Duration = Field(60.0, alias="LockDuration", gt=0, le=_FIVE_MINUTES)
    max_delivery_count: int = Field(10, alias="MaxDeliveryCount", ge=1, le=2000)
    requires_session: bool = Field(False, alias="RequiresSession")
    requires_duplicate_detection: bool = Field(False, alias="RequiresDuplicateDetection")
    duplicate_window: Duration = Field(
        600.0, alias="DuplicateDetectionHistoryTimeWindow", gt=0, le=_SEVEN_DAYS
    )
    time_to_live: Duration | None = Field(None, alias="DefaultMessageTimeToLive", gt=0)
    dead_letter_expired: bool = Field(False, alias="DeadLetteringOnMessageExpiration")
    max_message_kilobytes: int = Field(
        MESSAGE_BYTES // 1024, alias="MaxMessageSizeInKilobytes", ge=1, le=102_400
    )
    # Written empty by Microsoft's sample; forwarding itself is not there.
    forward_to: Literal[""] = Field("", alias="ForwardTo")
    forward_dead_letters_to: Literal[""] = Field("", alias="ForwardDeadLetteredMessagesTo")


class _Queue(_Strict):
    name: str = Field(alias="Name", min_length=1, max_length=260, pattern=r"^[\w][\w./~-]*$")
    properties: _Properties = Field(
        default_factory=lambda: _Properties.model_validate({}), alias="Properties"
    )


class _Namespace(_Strict):
    name: str = Field("sbemulatorns", alias="Name")
    queues: list[_Queue] = Field(default_factory=list, alias="Queues")
    topics: list[Any] = Field(default_factory=list, alias="Topics", max_length=0)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [queue.name.lower() for queue in self.queues]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"two queues have the name {min(twice)!r}")
        return self


class _UserConfig(_Strict):
    namespaces: list[_Namespace] = Field(alias="Namespaces", min_length=1, max_length=1)
    logging: dict[str, Any] = Field(default_factory=dict, alias="Logging")


class _File(_Strict):
    user_config: _UserConfig = Field(alias="UserConfig")


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
        file = _File.model_validate(content)
    except ValidationError as error:
        lines = (_line(each["loc"], each["type"], each["msg"]) for each in error.errors())
        raise ConfigError("\n".join(lines)) from error
    namespace = file.user_config.namespaces[0]
    queues = tuple(_settings(queue.name, queue.properties) for queue in namespace.queues)
    return NamespaceSettings(name=namespace.name, queues=queues)


def _settings(name: str, properties: _Properties) -> QueueSettings:
    window = properties.duplicate_window if properties.requires_duplicate_detection else None
    return QueueSettings(
        name=name,
        lock_seconds=properties.lock_duration,
        max_delivery_count=properties.max_delivery_count,
        sessions=properties.requires_session,
        duplicate_window=window,
        time_to_live=properties.time_to_live,
        dead_letter_expired=properties.dead_letter_expired,
        max_message_bytes=properties.max_message_kilobytes * 1024,
    )


def _line(location: tuple[int | str, ...], kind: str, message: str) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    if kind == "extra_forbidden":
        message = "this emulator knows no such field"
    elif path.endswith(("Topics", "ForwardTo", "ForwardDeadLetteredMessagesTo")):
        message = "this emulator does not have topics and forwarding; leave it empty"
    return f"  {path or 'the file'}: {message.removeprefix('Value error, ')}"
