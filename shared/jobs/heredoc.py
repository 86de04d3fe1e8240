"""Here-documents in a shell script: their delimiters, and where their bodies end."""

import re
from dataclasses import dataclass

from shared.jobs.unsafe import UnsafePlace

_WORD = re.compile(r"""(?:\\.|'[^']*'|"[^"]*"|[^\s;&|<>()'"\\])+""", re.DOTALL)
_QUOTING = re.compile(r"""\\(.)|'([^']*)'|"([^"]*)\"""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class HereDocument:
    """A here-document whose body is still to come. depth: how many brackets deep it began."""

    delimiter: str
    quoted: bool
    strips_tabs: bool
    depth: int


def read_operator(script: str, at: int, depth: int) -> tuple[HereDocument, int]:
    """The here-document whose `<<` stands at this place, and the place after its delimiter."""
    at += 2
    strips_tabs = script.startswith("-", at)
    at += strips_tabs
    while script.startswith((" ", "\t"), at):
        at += 1
    word = _WORD.match(script, at)
    if word is None or "$" in word[0] or "`" in word[0]:
        raise UnsafePlace("a here-document's delimiter can't be read", "write it like `<<EOF`")
    plain = _QUOTING.sub(lambda part: part[1] or part[2] or part[3] or "", word[0])
    return HereDocument(plain, plain != word[0], strips_tabs, depth), word.end()


def body_end(script: str, start: int, document: HereDocument) -> tuple[int, int]:
    """Where the body that starts here ends, and where the line with the delimiter ends (before
    its newline). Raises UnsafePlace when the delimiter never comes."""
    at, continued = start, False
    while at < len(script):
        newline = script.find("\n", at)
        end = len(script) if newline < 0 else newline
        line = script[at:end]
        if document.strips_tabs:
            line = line.lstrip("\t")
        if line == document.delimiter and not continued:
            return at, end
        # An odd number of backslashes at the end joins the next line to this one.
        backslashes = len(line) - len(line.rstrip("\\"))
        continued = not document.quoted and backslashes % 2 == 1
        at = end + 1
    raise UnsafePlace(
        f"the here-document `<<{document.delimiter}` is never closed",
        f"end it with a line that holds only {document.delimiter}",
    )
