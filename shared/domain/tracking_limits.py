"""MLflow's limits on names, values and batches, and its way to say that one is passed.

The client checks most of them itself; others than the client send requests, too.
Source: the limits of mlflow 3.17, `mlflow/utils/validation.py`, and docs "REST API".
"""

import posixpath
import re
from collections.abc import Iterable, Mapping, Sized
from typing import Final

from shared.domain.errors import Invalid
from shared.domain.tracked import Logged

METRICS: Final = 1000
PARAMS: Final = 100
TAGS: Final = 100
#: Of metrics, params and tags together.
ENTITIES: Final = 1000
KEY: Final = 250
PARAM_VALUE: Final = 6000
TAG_VALUE: Final = 8000
NAME: Final = 500
#: Bytes of a request that logs.
REQUEST: Final = 1_000_000
_INT64: Final = 2**63
_KEY = re.compile(r"[/\w.\- :]+")

#: MLflow's code for what the caller sent wrong.
CODE: Final = "INVALID_PARAMETER_VALUE"


def wrong(message: str, remedy: str = "") -> Invalid:
    return Invalid(message, remedy=remedy, code=CODE)


def check_batch(metrics: Sized, params: Sized, tags: Sized) -> None:
    """Raises Invalid."""
    every = len(metrics) + len(params) + len(tags)
    for what, most, count in (
        ("metrics", METRICS, len(metrics)),
        ("params", PARAMS, len(params)),
        ("tags", TAGS, len(tags)),
        ("metrics, params, and tags", ENTITIES, every),
    ):
        if count > most:
            raise wrong(
                f"A batch logging request can contain at most {most} {what}. Got {count} {what}. "
                f"Please split up {what} across multiple requests and try again."
            )


def check_metrics(metrics: Logged) -> None:
    """Raises Invalid. Any 64-bit float is a value, NaN and infinity too."""
    for key, point in metrics:
        check_key("metric", key)
        if not 0 <= point.timestamp < _INT64:
            raise wrong(f"Metric '{key}': its timestamp is no number of milliseconds since 1970.")
        if not -_INT64 <= point.step < _INT64:
            raise wrong(f"Metric '{key}': its step is no 64-bit integer.")


def check_params(params: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The params by key. Raises Invalid, also for a key that comes twice."""
    found: dict[str, str] = {}
    for key, value in params:
        check_key("param", key)
        _length(f"Param '{_short(key)}'", value, PARAM_VALUE)
        if key in found:
            raise wrong(f"Duplicate parameter keys have been submitted: ['{key}'].")
        found[key] = value
    return found


def check_tags(tags: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The tags by key; the last of a key stands. Raises Invalid."""
    found = {}
    for key, value in tags:
        check_key("tag", key)
        _length(f"Tag '{_short(key)}'", value, TAG_VALUE)
        found[key] = value
    return found


def check_key(what: str, key: str) -> None:
    """Raises Invalid."""
    if not _KEY.fullmatch(key):
        raise wrong(
            f"Invalid {what} name: '{_short(key)}'. Names may only contain alphanumerics, "
            "underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."
        )
    normal = posixpath.normpath(key)
    if normal != key or normal == "." or normal.startswith(("..", "/")):
        raise wrong(
            f"Invalid {what} name: '{_short(key)}'. Names may be treated as files in certain "
            "cases, and must not resolve to other names when treated as such."
        )
    _length(f"{what.capitalize()} name", key, KEY)


def check_unchanged(present: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Those of the new params that aren't there. Raises Invalid when one would change."""
    for key, value in new.items():
        if key in present and present[key] != value:
            raise wrong(
                "Changing param values is not allowed. Param with key="
                f"'{key}' was already logged with value='{_short(present[key])}'; attempted "
                f"logging new value '{_short(value)}'."
            )
    return {key: value for key, value in new.items() if key not in present}


def _length(what: str, text: str, most: int) -> None:
    if len(text) > most:
        raise wrong(f"{what} exceeded the maximum length of {most} characters: {len(text)}.")


def _short(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:100]}…"
