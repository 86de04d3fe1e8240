"""A message's properties as rules see them, decoded when the first rule asks."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Final, Protocol

from retrain.local.servicebus.amqp import Symbol, Timestamp, decode, decode_all, raw_items, sections
from retrain.local.servicebus.messages import PROPERTIES, Message, application_properties
from retrain.local.servicebus.rules.errors import FilterError

#: System properties that are fields of AMQP's properties section, in lower case, and which.
FIELDS: Final = {
    "messageid": 0,
    "to": 2,
    "label": 3,
    "replyto": 4,
    "correlationid": 5,
    "contenttype": 6,
    "sessionid": 10,
    "replytosessionid": 12,
}
#: Those that are annotations.
ANNOTATIONS: Final = {
    "partitionkey": "x-opt-partition-key",
    "viapartitionkey": "x-opt-via-partition-key",
    "deadlettersource": "x-opt-deadletter-source",
}


class Scope(Protocol):
    """What an expression is evaluated in. Names are equal whatever their case."""

    def system(self, name: str) -> Any:
        """Raises FilterError when there is no such property."""

    def has(self, name: str) -> bool:
        """Whether the application's property is there, be it null."""

    def user(self, name: str) -> Any: ...


class View:
    """One message."""

    def __init__(self, message: Message) -> None:
        self._message = message

    def field(self, index: int) -> Any:
        """One of AMQP's own properties, as its sender typed it."""
        return self._fields[index] if index < len(self._fields) else None

    def system(self, name: str) -> Any:
        """Ids are text here, as in .NET. Raises FilterError when there is no such property."""
        key = name.lower()
        if key in FIELDS:
            value = self.field(FIELDS[key])
            return None if value is None else str(value)
        if key in ANNOTATIONS:
            return self._annotations.get(ANNOTATIONS[key])
        if key not in _NOTED:
            raise FilterError(f"The system property 'sys.{name}' does not exist.")
        return _NOTED[key](self._message)

    def has(self, name: str) -> bool:
        return name.lower() in self._names

    def user(self, name: str) -> Any:
        return self.properties.get(self.spelling(name))

    def spelling(self, name: str) -> str:
        """The property's name as it is in the message, if it is there."""
        return self._names.get(name.lower(), name)

    @cached_property
    def properties(self) -> dict[str, Any]:
        """The application's."""
        return {str(name): _plain(value) for name, value in self._application.items()}

    @cached_property
    def _names(self) -> dict[str, str]:
        return {name.lower(): name for name in self.properties}

    @cached_property
    def _application(self) -> dict[Any, Any]:
        return application_properties(self._message)

    @cached_property
    def _fields(self) -> list[Any]:
        code, _, value, _ = sections(self._message.content)[0]
        assert code == PROPERTIES
        found: list[Any] = decode(self._message.content, value)[0]
        return found

    @cached_property
    def _annotations(self) -> dict[str, Any]:
        items = raw_items(self._message.annotations) if self._message.annotations else []
        pairs = zip(items[::2], items[1::2], strict=True)
        return {str(decode_all(key)): _plain(decode_all(value)) for key, value in pairs}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Symbol) else value


def _time(seconds: float | None) -> Timestamp | None:
    return None if seconds is None else Timestamp(int(seconds * 1000))


_NOTED: Final[dict[str, Callable[[Message], Any]]] = {
    "sequencenumber": lambda message: message.sequence_number,
    "enqueuedsequencenumber": lambda message: message.enqueued_sequence_number,
    "enqueuedtimeutc": lambda message: _time(message.enqueued_at),
    "scheduledenqueuetimeutc": lambda message: _time(message.scheduled_at),
    "expiresatutc": lambda message: _time(
        None if message.time_to_live is None else message.enqueued_at + message.time_to_live
    ),
    "timetolive": lambda message: message.time_to_live,
    "deliverycount": lambda message: message.delivery_count,
    "size": lambda message: message.size,
}
