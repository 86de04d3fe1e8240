"""The part of OData's `$filter` that Batch clients use, compiled to a predicate.

Understood: `and`, `or`, `not`, brackets, `eq ne gt ge lt le`, `startswith(path, 'text')`; strings,
numbers, `true`, `false`, `null`, `datetime'…'` and bare ISO dates; paths (`executionInfo/endTime`).
Anything else is refused with InvalidQueryParameterValue, never ignored.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from retrain.local.batch.errors import Refused

Lookup = Callable[[str], Any]  # the value at a path of the entity, None when absent
Predicate = Callable[[Lookup], bool]

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<date>(?:datetime)?'?\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?'?)"
    r"|(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<mark>[(),])"
    r"|(?P<word>[A-Za-z_][\w/]*))"
)
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_DEEPEST: Final = 100  # brackets and `not`s within each other
_WORDS: Final = {"true": True, "false": False, "null": None}


def compile_filter(text: str) -> Predicate:
    """The predicate of a filter. Raises Refused InvalidQueryParameterValue."""
    return _Parser(text).parse()


class _Parser:
    """Recursive descent: or < and < not < comparison."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split(text)
        self._at = 0
        self._depth = 0

    def parse(self) -> Predicate:
        predicate = self._either()
        if self._at != len(self._tokens):
            raise self._wrong()
        return predicate

    def _split(self, text: str) -> list[tuple[str, str]]:
        tokens, at, text = [], 0, text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise self._wrong()
            tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        return tokens

    def _wrong(self) -> Refused:
        return Refused(
            "InvalidQueryParameterValue",
            QueryParameterName="$filter",
            QueryParameterValue=self._text,
            Reason="The filter can't be parsed or uses what is not supported on this resource.",
        )

    def _take(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise self._wrong()
        self._at += 1
        return self._tokens[self._at - 1]

    def _skip(self, word: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at][1] == word
        self._at += found
        return found

    def _demand(self, mark: str) -> None:
        if not self._skip(mark):
            raise self._wrong()

    def _either(self) -> Predicate:
        parts = [self._both()]
        while self._skip("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda look: any(part(look) for part in parts)

    def _both(self) -> Predicate:
        parts = [self._unary()]
        while self._skip("and"):
            parts.append(self._unary())
        return parts[0] if len(parts) == 1 else lambda look: all(part(look) for part in parts)

    def _unary(self) -> Predicate:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong()
        predicate = self._simple()
        self._depth -= 1
        return predicate

    def _simple(self) -> Predicate:
        if self._skip("not"):
            inner = self._unary()
            return lambda look: not inner(look)
        if self._skip("("):
            inner = self._either()
            self._demand(")")
            return inner
        if self._skip("startswith"):
            return self._startswith()
        return self._comparison()

    def _startswith(self) -> Predicate:
        self._demand("(")
        path = self._path()
        self._demand(",")
        prefix = self._literal()
        self._demand(")")
        if not isinstance(prefix, str):
            raise self._wrong()
        prefix = prefix.lower()
        return lambda look: str(look(path) or "").lower().startswith(prefix)

    def _comparison(self) -> Predicate:
        path = self._path()
        _, word = self._take()
        compare = _COMPARE.get(word)
        if compare is None:
            raise self._wrong()
        wanted = self._literal()
        return lambda look: _compares(compare, look(path), wanted)

    def _path(self) -> str:
        kind, text = self._take()
        if kind != "word" or text in _WORDS or text in _COMPARE:
            raise self._wrong()
        return text

    def _literal(self) -> Any:
        kind, text = self._take()
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return float(text)
        if kind == "date" and (moment := _date(text.removeprefix("datetime").strip("'"))):
            return moment
        if kind == "word" and text in _WORDS:
            return _WORDS[text]
        raise self._wrong()


def _compares(compare: Callable[[Any, Any], bool], value: Any, wanted: Any) -> bool:
    if isinstance(wanted, datetime) and isinstance(value, str):
        value = _date(value)
    if isinstance(wanted, float) and isinstance(value, bool):
        return False
    if isinstance(wanted, str) and isinstance(value, str):
        value, wanted = value.lower(), wanted.lower()
    try:
        return compare(value, wanted)
    except TypeError:
        return False  # null compares with nothing, as in SQL


def _date(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
