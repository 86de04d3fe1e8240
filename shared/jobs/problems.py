"""What is wrong with a document, in words for the person who wrote it.

A check never stops at the first fault: it collects `Problem`s, and `InvalidDocument` carries all of
them. Where in a file a field stands is not known here; `retrain.jobfile` adds the line and column.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

Field = tuple[str | int, ...]


def field_name(field: Field) -> str:
    """The path as people write it: ("inputs", "x", "path") is `inputs.x.path`, an item `a[0]`."""
    name = ""
    for part in field:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: the field's path from the document's root, what is wrong, and what to write."""

    field: Field
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{field_name(self.field)}: " if self.field else ""
        return f"{where}{self.message}" + (f"; {self.remedy}" if self.remedy else "")


class InvalidDocument(Exception):
    """A document that can't be accepted, with every problem found in it (at least one)."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def refusal(message: str, remedy: str = "") -> PydanticCustomError:
    """The error a validator raises here: a sentence, and what to write in place of the value."""
    # Braces of `${{…}}` are safe: the template only knows the key `remedy`, always in the context.
    return PydanticCustomError("refused", message, {"remedy": remedy})
