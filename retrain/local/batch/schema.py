"""Checks of request bodies, put together from small ones; a violation is the service's own error.

A check takes the property's name and value and raises Refused. What the emulator can't do is
refused too (`not_emulated`): silence would be a fake success.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from retrain.local.batch import durations
from retrain.local.batch.errors import Refused, invalid

Check = Callable[[str, Any], None]

#: What no process takes as an argument and no document may hold: NUL, and half a character.
_UNSPEAKABLE: Final = re.compile("[\0\ud800-\udfff]")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def identifier(name: str, value: Any) -> None:
    """1 to 64 letters, digits, hyphens and underscores."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise invalid(name, value, "Ids have 1 to 64 of the characters A-Z a-z 0-9 _ -")


def text(name: str, value: Any, *, limit: int = 65536) -> None:
    """A string of at most `limit` characters."""
    if not isinstance(value, str) or len(value) > limit:
        raise invalid(name, value, f"A string of at most {limit} characters is expected")
    if _UNSPEAKABLE.search(value):
        raise invalid(name, value.encode(errors="replace"), "It has characters that are no text")


def prefix(name: str, value: Any) -> None:
    """The service's limit for autoPoolIdPrefix."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,20}", value):
        raise invalid(name, value, "An auto pool's prefix has 1 to 20 of A-Z a-z 0-9 _ -")


def flag(name: str, value: Any) -> None:
    """true or false."""
    if not isinstance(value, bool):
        raise invalid(name, value, "true or false is expected")


def duration(name: str, value: Any) -> None:
    """An ISO 8601 duration."""
    try:
        durations.seconds(value if isinstance(value, str) else "")
    except ValueError as error:
        raise invalid(name, value, str(error)) from error


def duration_of(*, at_least: str, at_most: str | None = None) -> Check:
    """A duration within bounds, both included."""
    low = durations.seconds(at_least) or 0.0
    high = durations.seconds(at_most) if at_most else None
    bounds = f"at least {at_least}" + (f" and at most {at_most}" if at_most else "")

    def check(name: str, value: Any) -> None:
        duration(name, value)
        seconds = durations.seconds(value)
        too_long = high is not None and (seconds is None or seconds > high)
        if too_long or (seconds is not None and seconds < low):
            raise invalid(name, value, f"A duration of {bounds} is expected")

    return check


def moment(name: str, value: Any) -> None:
    """A moment with its offset from UTC, in ISO 8601."""
    try:
        aware = datetime.fromisoformat(value if isinstance(value, str) else "").tzinfo is not None
    except ValueError as error:
        raise invalid(name, value, str(error)) from error
    if not aware:
        raise invalid(name, value, "A moment with its offset from UTC is expected")


def anything(name: str, value: Any) -> None:
    """Kept and shown as it came; it changes nothing on one machine."""


def not_emulated(name: str, value: Any) -> None:
    """Only its absence (or emptiness) is true here."""
    if value:
        reason = "The local Batch emulator can't do this; leave it out"
        raise Refused("UnsupportedProperty", PropertyName=name, Reason=reason)


def integer(low: int, high: int) -> Check:
    """A whole number in a range, both ends included."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise invalid(name, value, f"A whole number from {low} to {high} is expected")

    return check


class choice:  # noqa: N801 - it stands among the functions, and is called as they are
    """One of the words, in any case; a record keeps it as it is written here, as the service."""

    def __init__(self, *words: str) -> None:
        self._words = {word.lower(): word for word in words}

    def __call__(self, name: str, value: Any) -> None:
        if not isinstance(value, str) or value.lower() not in self._words:
            expected = ", ".join(self._words.values())
            raise invalid(name, value, f"One of {expected} is expected")

    def written(self, value: str) -> str:
        """The word as the service writes it."""
        return self._words[value.lower()]


def listing(item: Check) -> Check:
    """A list of such."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, list):
            raise invalid(name, value, "A list is expected")
        for index, each in enumerate(value):
            item(f"{name}[{index}]", each)

    return check


def both(first: Check, second: Check) -> Check:
    """The second after the first."""

    def check(name: str, value: Any) -> None:
        first(name, value)
        second(name, value)

    return check


def record(fields: Mapping[str, Check]) -> Check:
    """An object with these properties; a name that ends in ! must be there. null is absence."""
    checks = {name.removesuffix("!"): check for name, check in fields.items()}
    required = [name[:-1] for name in fields if name.endswith("!")]

    def check(name: str, value: Any) -> None:
        if not isinstance(value, dict):
            raise Refused("InvalidRequestBody", Reason=f"{name or 'The body'} is not an object")
        for property_name in required:
            if value.get(property_name) is None:
                raise Refused("MissingRequiredProperty", PropertyName=_path(name, property_name))
        for property_name, each in value.items():
            _check_property(checks, _path(name, property_name), property_name, each)
            check_of = checks.get(property_name)
            if isinstance(check_of, choice) and each is not None:
                value[property_name] = check_of.written(each)

    return check


def _check_property(checks: Mapping[str, Check], path: str, name: str, value: Any) -> None:
    if name.startswith("odata."):
        return
    if name not in checks:
        raise Refused("InvalidRequestBody", Reason=f"The property '{path}' is not known here")
    if value is not None:
        checks[name](path, value)


def _path(parent: str, name: str) -> str:
    return f"{parent}.{name}" if parent else name
