"""MLflow's search language: filters such as `metrics.rmse < 1 AND tags.team = 'a'`, and orders.

Source: mlflow docs, "Search Runs". OR and brackets are not in it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.domain.tracking_limits import wrong

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'[^']*'|"[^"]*"|`[^`]*`)|(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"""
    r"""(?![\w.]))|(?P<word>[\w.\-/:]+)|(?P<sign>!=|>=|<=|=|>|<|\(|\)|,))"""
)
_ENTITIES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("metrics", "metric"), "metrics"),
    **dict.fromkeys(("params", "param", "parameters", "parameter"), "params"),
    **dict.fromkeys(("tags", "tag"), "tags"),
    **dict.fromkeys(("attributes", "attribute", "attr", "run"), "attributes"),
}
_ALIASES: Final[Mapping[str, str]] = {
    "run name": "run_name",
    "runname": "run_name",
    "name": "run_name",
    "created": "start_time",
}
_SAMES: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": lambda seen, wanted: bool(seen == wanted),
    "!=": lambda seen, wanted: bool(seen != wanted),
    ">": lambda seen, wanted: bool(seen > wanted),
    ">=": lambda seen, wanted: bool(seen >= wanted),
    "<": lambda seen, wanted: bool(seen < wanted),
    "<=": lambda seen, wanted: bool(seen <= wanted),
    "LIKE": lambda seen, wanted: _like(wanted, re.NOFLAG, str(seen)),
    "ILIKE": lambda seen, wanted: _like(wanted, re.IGNORECASE, str(seen)),
    "IN": lambda seen, wanted: seen in wanted,
    "NOT IN": lambda seen, wanted: seen not in wanted,
}

#: What is compared: by kind (metrics, params, tags, attributes) and name.
Fields = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Condition:
    kind: str
    name: str
    sign: str
    value: Any

    def holds(self, fields: Fields) -> bool:
        """What isn't there fulfils nothing but `IS NULL`."""
        seen = fields[self.kind].get(self.name)
        if self.sign in ("IS NULL", "IS NOT NULL"):
            return (seen is None) is (self.sign == "IS NULL")
        return seen is not None and _SAMES[self.sign](seen, self.value)


def parse_filter(text: str) -> Sequence[Condition]:
    """The conditions that all must hold. Raises Invalid."""
    reader = _Reader(text)
    conditions: list[Condition] = []
    while reader.more:
        if conditions:
            reader.take("AND")
        kind, name = _field(reader.next())
        sign = _sign(reader)
        value = None if sign.endswith("NULL") else _value(reader, sign)
        conditions.append(Condition(kind, name, sign, _checked(kind, name, sign, value)))
    return conditions


@dataclass(frozen=True, slots=True)
class Order:
    kind: str
    name: str
    falling: bool

    def key(self, fields: Fields) -> tuple[bool, Any]:
        """Ascending, what has no value last; a descending order is made by `sort`."""
        seen = fields[self.kind].get(self.name)
        return (seen is None or seen != seen), (0 if seen is None or seen != seen else seen)


def parse_order(texts: Sequence[str]) -> Sequence[Order]:
    """Raises Invalid."""
    found = []
    for text in texts:
        words = text.strip().rsplit(None, 1)
        direction = words[1].upper() if len(words) == 2 else ""
        named = words[0] if direction in ("ASC", "DESC") else text.strip()
        kind, name = _field(_Reader(named).next())
        found.append(Order(kind, name, direction == "DESC"))
    return found


def in_order(entries: Sequence[tuple[Fields, Any]], orders: Sequence[Order]) -> list[Any]:
    """Sorted by the first order, then by the second among equals; those without a value last."""
    rows = [*entries]
    for order in reversed(orders):
        there = [row for row in rows if not order.key(row[0])[0]]
        away = [row for row in rows if order.key(row[0])[0]]
        there.sort(key=lambda row: order.key(row[0])[1], reverse=order.falling)
        rows = [*there, *away]
    return [entry for _, entry in rows]


class _Reader:
    def __init__(self, text: str) -> None:
        self._text, self._at = text.strip(), 0

    @property
    def more(self) -> bool:
        return self._at < len(self._text)

    def next(self) -> str:
        """The next token, quotes and all."""
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            raise wrong(f"Invalid filter or order: can't read '{self._text[self._at :][:80]}'.")
        self._at = match.end()
        token = match[0].strip()
        # metrics.`my key`: a quoted name goes with the word before it.
        if token.endswith(".") and self._at < len(self._text) and self._text[self._at] in "`\"'":
            return token + self.next()
        return token

    def peek(self) -> str:
        at = self._at
        try:
            return self.next() if self.more else ""
        finally:
            self._at = at

    def take(self, word: str) -> None:
        token = self.next() if self.more else "the end"
        if token.upper() != word:
            raise wrong(f"Invalid filter: expected {word}, found '{token[:80]}'.")


def _field(token: str) -> tuple[str, str]:
    entity, dot, name = token.partition(".")
    if not dot or entity.lower() not in _ENTITIES:
        entity, name = "attributes", token
    kind = _ENTITIES.get(entity.lower(), entity)
    name = name.strip('`"')
    if kind == "attributes":
        name = _ALIASES.get(name.lower(), name.lower())
    if not name:
        raise wrong(f"Invalid filter or order: '{token[:80]}' names no field.")
    return kind, name


def _sign(reader: _Reader) -> str:
    word = reader.next().upper() if reader.more else "the end"
    if word == "IS":
        if reader.peek().upper() == "NOT":
            reader.take("NOT")
            reader.take("NULL")
            return "IS NOT NULL"
        reader.take("NULL")
        return "IS NULL"
    if word == "NOT":
        reader.take("IN")
        word = "NOT IN"
    if word not in _SAMES:
        raise wrong(f"Invalid filter: '{word[:80]}' is no comparison.")
    return word


def _value(reader: _Reader, sign: str) -> Any:
    if not sign.endswith("IN"):
        return _literal(reader.next() if reader.more else "the end")
    reader.take("(")
    values = [_literal(reader.next())]
    while reader.peek() == ",":
        reader.take(",")
        values.append(_literal(reader.next()))
    reader.take(")")
    return tuple(values)


def _literal(token: str) -> Any:
    if token[:1] in "'\"" and token[:1]:
        return token[1:-1]
    try:
        return float(token)
    except ValueError:
        raise wrong(f"Invalid filter: '{token[:80]}' is neither a number nor in quotes.") from None


def _checked(kind: str, name: str, sign: str, value: Any) -> Any:
    """Metrics and times compare with numbers, all else with texts."""
    if value is None:
        return None
    numeric = kind == "metrics" or (kind == "attributes" and name.endswith("_time"))
    values = value if isinstance(value, tuple) else (value,)
    if any(isinstance(one, float) is not numeric for one in values):
        expected = "a number" if numeric else "a text in single quotes"
        raise wrong(f"Invalid filter: {kind}.{name} {sign} needs {expected}.")
    return value


def _like(pattern: str, flags: re.RegexFlag, text: str) -> bool:
    parts = (".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern)
    return re.fullmatch("".join(parts), text, flags | re.DOTALL) is not None
