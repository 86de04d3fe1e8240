"""Bicep files as data: what they declare, what they say, and which names they use."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from pycep import BicepParser

ROOT: Final = Path(__file__).parents[2]
INFRA: Final = ROOT / "infra"
FILES: Final = sorted(INFRA.rglob("*.bicep"))
#: Kinds of declarations, as the parser calls them.
KINDS: Final = ("parameters", "variables", "resources", "modules", "outputs")
#: What stands for itself: keywords, types, and the functions that these files use.
_WORDS: Final = frozenset(
    re.findall(
        r"\w+",
        """
        param var resource module output existing if for in null true false targetScope
        string int bool object array
        concat empty environment guid listKeys loadJsonContent resourceGroup resourceId
        subscription subscriptionResourceId tenant toLower uniqueString union utcNow
        allowed description maxLength maxValue minLength minValue secure
        """,
    )
)
_TOKEN: Final = re.compile(
    r"(?P<comment>//[^\n]*)|(?P<text>'(?:[^'\\$]|\\.|\$(?!\{)|\$\{[^}]*\})*')|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<number>\d+)|(?P<other>\S)"
)


@dataclass(frozen=True, slots=True)
class Bicep:
    """One file. `parsed` is the parser's tree, whose names and texts look alike."""

    path: Path
    text: str
    parsed: dict[str, Any]

    def of(self, kind: str) -> dict[str, Any]:
        """Declarations of one of KINDS, by name; {} when there is none."""
        return dict(self.parsed.get(kind, {}))

    def unknown_names(self) -> list[str]:
        """Names that nobody declares: Bicep's compiler would refuse them."""
        known = _WORDS | {name for kind in KINDS for name in self.of(kind)}
        known |= set(re.findall(r"\bfor \(?(\w+)", self.text))
        known |= set(re.findall(r"\bfor \(\w+, (\w+)\)", self.text))
        return sorted({name for name in _names(self.text) if name not in known})


def _names(text: str) -> Iterator[str]:
    """Of a text, the names that stand for a value: no keys, no properties, nothing declared."""
    tokens = list(_TOKEN.finditer(text))
    for number, token in enumerate(tokens):
        before = tokens[number - 1].group() if number else ""
        after = tokens[number + 1].group() if number + 1 < len(tokens) else ""
        if token["text"]:
            for inner in re.findall(r"\$\{([^}]*)\}", token["text"]):
                yield from _names(inner)
        elif token["name"] and before not in (".", "?", "@") and after != ":":
            declared = before in ("param", "var", "resource", "module", "output")
            if not declared:
                yield token["name"]
        elif token["name"] and before == "?" and tokens[number - 2].group() not in (".", "?"):
            yield token["name"]


@cache
def read(path: Path) -> Bicep:
    """Raises the parser's error for what is no Bicep."""
    text = path.read_text(encoding="utf-8")
    return Bicep(path, text, dict(BicepParser().parse(text=text)))


def walk(tree: Any) -> Iterator[Any]:
    """All values below, the tree's own first."""
    yield tree
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    for one in inner:
        yield from walk(one)
