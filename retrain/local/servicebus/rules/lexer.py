"""Service Bus's SQL as tokens. Keywords and functions are names here; the parser knows them."""

import re
from dataclasses import dataclass
from typing import Final

from retrain.local.servicebus.rules.errors import SyntaxInvalid

_TOKEN: Final = re.compile(
    r"""
    (?P<space>   \s+ )
  | (?P<number>  (?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)? )
  | (?P<string>  '(?:[^']|'')*' )
  | (?P<quoted>  "(?:[^"]|"")+" | \[(?:[^\]]|\]\])+\] )
  | (?P<parameter> @\w+ )
  | (?P<name>    [^\W\d_]\w* )
  | (?P<symbol>  <> | != | <= | >= | [-+*/%=<>(),.;] )
    """,
    re.VERBOSE,
)
_UNENDED: Final = {
    "'": "a text does not end",
    '"': "a name does not end",
    "[": "a name does not end",
}


@dataclass(frozen=True, slots=True)
class Token:
    """kind: number, string, quoted (a delimited name), parameter, name, symbol, or end.

    text: what it says, without delimiters. at: where in the source, from 0.
    """

    kind: str
    text: str
    at: int

    def means(self, word: str) -> bool:
        """Whether it is that keyword or symbol."""
        return self.kind in ("name", "symbol") and self.text.upper() == word


def tokens(text: str) -> list[Token]:
    """All of them, and then the end. Raises SyntaxInvalid."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            problem = _UNENDED.get(text[at], f"unexpected character '{text[at]}'")
            raise SyntaxInvalid(text, at + 1, problem)
        kind = match.lastgroup or ""
        if kind != "space":
            found.append(Token(kind, _content(kind, match.group()), at))
        at = match.end()
    return [*found, Token("end", "", at)]


def _content(kind: str, text: str) -> str:
    if kind not in ("string", "quoted"):
        return text
    closing = text[-1]
    return text[1:-1].replace(closing * 2, closing)
