"""A formula's text as tokens, each with its place. Comments run from // to the end of the line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from retrain.local.batch.autoscale.errors import FormulaSyntaxError, Position

Kind = Literal["number", "text", "name", "sign", "end"]

_TOKEN: Final = re.compile(
    r"""
      (?P<blank>[ \t\r\n\f\v]+|//[^\n]*)
    | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<name>\$?[A-Za-z_][A-Za-z0-9_]*)
    | (?P<text>"[^"\n]*")
    | (?P<sign>&&|\|\||<=|>=|==|!=|[-+*/<>!?:=;,.()\[\]])
    """,
    re.VERBOSE | re.ASCII,
)
_KINDS: Final[dict[str, Kind]] = {
    "number": "number",
    "text": "text",
    "name": "name",
    "sign": "sign",
}


class Token(NamedTuple):
    """`word` is the text as written; of a string without its quotes."""

    kind: Kind
    word: str
    at: Position


def tokens(text: str) -> Iterator[Token]:
    """All tokens, an end last. Raises FormulaSyntaxError."""
    place, line, start = 0, 1, 0  # start: where the line begins
    while place < len(text):
        at = Position(line, place - start + 1)
        match = _TOKEN.match(text, place)
        if match is None:
            raise FormulaSyntaxError(at, f"Unexpected character {text[place]!r}")
        kind, word = _KINDS.get(match.lastgroup or ""), match.group()
        if kind is not None:
            yield Token(kind, word[1:-1] if kind == "text" else word, at)
        if breaks := word.count("\n"):
            line += breaks
            start = place + word.rindex("\n") + 1
        place = match.end()
    yield Token("end", "the end of the formula", Position(line, place - start + 1))
