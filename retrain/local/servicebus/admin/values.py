"""The texts that stand for values in descriptions: read with care, written as the service does."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from xml.etree.ElementTree import Element

from retrain.local.servicebus.admin.markup import (
    SCHEMA,
    child,
    kind,
    text,
    write,
)
from retrain.local.servicebus.errors import BadRequest

#: .NET's longest time, which stands for "never".
NEVER: Final = "P10675199DT2H48M5.4775807S"
_NEVER_DAYS: Final = 10_675_199
_DURATION: Final = re.compile(
    r"P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,12})(?:\.(\d{1,9}))?S)?)?",
    re.ASCII,
)
_DURATIONS: Final = "http://schemas.microsoft.com/2003/10/Serialization/"
_INT: Final = 1 << 31
_SECOND: Final = 1_000_000  # in microseconds


def read_duration(value: str) -> float | None:
    """Seconds; None: never. Raises BadRequest."""
    micros = _read_micros(value)
    return None if micros is None else micros / _SECOND


def write_duration(seconds: float | None) -> str:
    return NEVER if seconds is None else _write_micros(round(seconds * _SECOND))


def _read_micros(value: str) -> int | None:
    match = _DURATION.fullmatch(value)
    if match is None or value[-1] in "PT":
        raise BadRequest(f"'{value}' is no duration: write for instance PT30S or P1D.")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[:4])
    if days >= _NEVER_DAYS:
        return None
    whole = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return whole * _SECOND + int((match[5] or "")[:6].ljust(6, "0"))


def _write_micros(micros: int) -> str:
    whole, fraction = divmod(micros, _SECOND)
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    last = f"{rest}.{fraction:06}".rstrip("0") if fraction else str(rest)
    told = [f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M")) if count]
    if last != "0" or not (told or days):
        told.append(f"{last}S")
    return f"P{f'{days}D' if days else ''}{'T' if told else ''}{''.join(told)}"


def read_flag(value: str) -> bool:
    """Raises BadRequest."""
    if value.lower() not in ("true", "false", "1", "0"):
        raise BadRequest(f"'{value}' is neither true nor false.")
    return value.lower() in ("true", "1")


def write_flag(value: bool) -> str:
    return "true" if value else "false"


def read_number(value: str) -> int:
    """Raises BadRequest."""
    if not re.fullmatch(r"[+-]?[0-9]{1,19}", value):
        raise BadRequest(f"'{value}' is no whole number.")
    return int(value)


# -- values that carry their type


def _read_double(value: str) -> float:
    return float({"INF": "inf", "-INF": "-inf", "NaN": "nan"}.get(value, value))


def _read_time(value: str) -> datetime:
    """A time without a zone is meant in UTC."""
    time = datetime.fromisoformat(value)
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _read_timedelta(value: str) -> timedelta:
    micros = _read_micros(value.removeprefix("-"))
    if micros is None:
        raise BadRequest(f"'{value}' is too long for a duration.")
    return timedelta(microseconds=-micros if value.startswith("-") else micros)


_READERS: Final[dict[str, Callable[[str], Any]]] = {
    **dict.fromkeys(("string", "char", "guid", "anyURI"), str),
    **dict.fromkeys(("byte", "short", "int", "long", "unsignedByte"), read_number),
    **dict.fromkeys(("unsignedShort", "unsignedInt", "unsignedLong"), read_number),
    **dict.fromkeys(("double", "float", "decimal"), _read_double),
    "boolean": read_flag,
    "dateTime": _read_time,
    "duration": _read_timedelta,
}


def read_values(parent: Element | None) -> dict[str, Any]:
    """The KeyValueOfstringanyType elements below. Raises BadRequest."""
    return dict(_pair(each) for each in ([] if parent is None else parent))


def _pair(element: Element) -> tuple[str, Any]:
    name, value = child(element, "Key"), child(element, "Value")
    if name is None or value is None or not name.text:
        raise BadRequest("A parameter or property needs a Key and a Value.")
    type_ = kind(value) or "string"
    read = _READERS.get(type_)
    if read is None:
        raise BadRequest(f"The type '{type_}' of '{name.text}' is not served.")
    try:
        return name.text, read(value.text or "")
    except (ValueError, OverflowError) as error:
        raise BadRequest(f"'{value.text}' of '{name.text}' is no {type_}.") from error


def write_values(values: dict[str, Any]) -> str:
    return "".join(
        write(
            "KeyValueOfstringanyType",
            write("Key", text(name)) + _value(*_typed(value)),
        )
        for name, value in values.items()
    )


def _value(type_: str, content: str) -> str:
    space = _DURATIONS if type_ == "duration" else SCHEMA
    return write("Value", text(content), {"i:type": f"d6p1:{type_}", "xmlns:d6p1": space})


def _typed(value: Any) -> tuple[str, str]:
    match value:
        case bool():
            return "boolean", write_flag(value)
        case int():
            return "int" if -_INT <= value < _INT else "long", str(value)
        case float():
            return "double", str(value).replace("inf", "INF").replace("nan", "NaN")
        case datetime():
            return "dateTime", value.isoformat().replace("+00:00", "Z")
        case timedelta():
            sign = "-" if value < timedelta() else ""
            return "duration", sign + _write_micros(abs(value) // timedelta(microseconds=1))
        case _:
            return "string", str(value)
