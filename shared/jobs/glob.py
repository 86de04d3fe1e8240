"""Patterns for the names of blobs: `*` and `?` stay inside one folder, `**` crosses folders.

Nothing else is special, and case counts, as it does in blob names.
"""

from collections.abc import Sequence
from functools import cache


@cache
def _tokens(pattern: str) -> tuple[str, ...]:
    """Single characters, `*`, `**`, and `**/` where a folder's name could begin."""
    tokens: list[str] = []
    rest = pattern
    while rest:
        if rest.startswith("**/") and (not tokens or tokens[-1] == "/"):
            size = 3
        else:
            size = 2 if rest.startswith("**") else 1
        tokens.append(rest[:size])
        rest = rest[size:]
    return tuple(tokens)


def matches(pattern: str, path: str) -> bool:
    """Whether the whole path fits. `a/**/b` fits `a/b` too; a pattern ending in `/` fits all below.

    Takes time in proportion to the two lengths multiplied, whatever the pattern.
    """
    tokens = _tokens(pattern + "**" if pattern.endswith("/") else pattern)
    states = set(_entered(tokens, 0))
    for char in path:
        states = {after for state in states for after in _after(tokens, state, char)}
    return len(tokens) in states


def literal_folder(pattern: str) -> str:
    """The folder that every path that fits lies in, as far as the pattern spells it out; it is
    empty or ends in /. A pattern without * and ? is spelt out up to its last /."""
    wild = min((at for sign in "*?" if (at := pattern.find(sign)) >= 0), default=len(pattern))
    return pattern[: pattern.rfind("/", 0, wild) + 1]


def _entered(tokens: Sequence[str], state: int) -> list[int]:
    """The state and those beyond it, as far as tokens may stand for nothing."""
    states = [state]
    while states[-1] < len(tokens) and tokens[states[-1]] in ("*", "**", "**/"):
        states.append(states[-1] + 1)
    return states


def _after(tokens: Sequence[str], state: int, char: str) -> list[int]:
    if state == len(tokens):
        return []
    match tokens[state]:
        case "**":
            return _entered(tokens, state)
        case "**/":
            return _entered(tokens, state) if char == "/" else [state]
        case "*":
            return _entered(tokens, state) if char != "/" else []
        case here if here == char or (here == "?" and char != "/"):
            return _entered(tokens, state + 1)
    return []
