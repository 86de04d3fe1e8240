"""git's wildmatch as a regular expression: what one pattern of an ignore file matches.

Text is bytes, one character each (latin-1), since git compares bytes. Where pathspec, the library
for this, answers otherwise than `git check-ignore` (`[!a]` and slashes, escapes and classes such as
`[[:digit:]]` in brackets, `**` beside other letters, blanks at a line's end), git's answer is the
one that users know; a property test asks git itself. Source: wildmatch.c and dir.c of git 2.39.
"""

import re
from collections.abc import Iterator
from typing import Final

SPECIAL: Final = "*?[\\"
_CLASSES: Final = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "\\x21-\\x7e",
    "lower": "a-z",
    "print": "\\x20-\\x7e",
    "punct": "\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e",
    "space": " \\t\\n\\x0b\\x0c\\r",
    "upper": "A-Z",
    "xdigit": "a-fA-F0-9",
}


class NeverMatches(ValueError):
    """A bracket that is never closed, an unknown class, or a backslash at the end."""


def expression(pattern: str, *, path: bool) -> re.Pattern[str]:
    """The expression for fullmatch. path: the text may have slashes, which `*` and `?` don't match.

    Raises NeverMatches.
    """
    start = next((at for at, char in enumerate(pattern) if char in SPECIAL), len(pattern))
    # git compares what comes before the first wildcard apart, so that `a**/b` begins with `**`
    rest = _Translation(pattern[start:], path=path)
    return re.compile(re.escape(pattern[:start]) + "".join(rest.parts()), re.DOTALL)


class _Translation:
    def __init__(self, pattern: str, *, path: bool) -> None:
        self._pattern = pattern
        self._path = path
        self._at = 0

    def parts(self) -> Iterator[str]:
        while self._at < len(self._pattern):
            char = self._pattern[self._at]
            if char == "*":
                yield self._stars()
            elif char == "[":
                yield self._bracket()
            elif char == "?":
                self._at += 1
                yield "[^/]" if self._path else "."
            else:
                yield re.escape(self._letter())

    def _letter(self) -> str:
        """The letter here, or the one behind a backslash; moves on."""
        if self._pattern[self._at] == "\\":
            self._at += 1
        if self._at >= len(self._pattern):
            raise NeverMatches(self._pattern)
        self._at += 1
        return self._pattern[self._at - 1]

    def _stars(self) -> str:
        first = self._at
        while self._pattern.startswith("*", self._at):
            self._at += 1
        if not self._path:
            return ".*"
        before = first == 0 or self._pattern[first - 1] == "/"
        after = self._pattern[self._at :]
        if self._at - first == 1 or not before or not (not after or after.startswith(("/", "\\/"))):
            return "[^/]*"
        if after.startswith("/"):
            self._at += 1
            return "(?:.*/)?"
        return ".*"

    def _bracket(self) -> str:
        self._at += 1
        negated = self._pattern[self._at : self._at + 1] in ("!", "^")
        self._at += negated
        members = self._members()
        outside = "" if not self._path else "(?!/)"
        return f"{outside}[{'^' if negated else ''}{''.join(members)}]"

    def _members(self) -> Iterator[str]:
        """Letters, ranges and classes up to the closing bracket, which can't be the first."""
        before = ""  # the letter that a range may begin with
        while True:
            if self._pattern.startswith("[:", self._at) and (name := self._class()):
                before = ""
                yield name
            elif before and self._range_follows():
                self._at += 1
                last = self._letter()
                yield f"{_hex(before)}-{_hex(last)}" if before <= last else ""
                before = ""
            else:
                escaped = self._pattern.startswith("\\", self._at)
                before = self._letter() if escaped or self._at < len(self._pattern) else ""
                if not before:
                    raise NeverMatches(self._pattern)
                yield _hex(before)
            if self._pattern.startswith("]", self._at):
                self._at += 1
                return

    def _range_follows(self) -> bool:
        following = self._pattern[self._at + 1 : self._at + 2]
        return self._pattern.startswith("-", self._at) and following not in ("", "]")

    def _class(self) -> str:
        """`[:digit:]` as members; "" when it is no class and so only letters."""
        end = self._pattern.find("]", self._at + 2)
        if end < 0:
            raise NeverMatches(self._pattern)
        if self._pattern[end - 1] != ":" or end - 1 < self._at + 2:
            return ""
        name = self._pattern[self._at + 2 : end - 1]
        if name not in _CLASSES:
            raise NeverMatches(self._pattern)
        self._at = end + 1
        return _CLASSES[name]


def _hex(letter: str) -> str:
    return f"\\x{ord(letter):02x}"
