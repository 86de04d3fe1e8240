"""Where each field of a document was written: file, line and column.

A document may be put together from several files (a conda file, a schedule's job file) and from
`--set`; each field remembers where it came from, which is also what its paths are relative to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.jobs import Field


@dataclass(frozen=True, slots=True)
class Place:
    """line and column count from 1; 0 is the file as a whole. setting: the option it is from, as it
    was written: `--set inputs.x=1`.

    folder: what relative paths written there are relative to, in words.
    """

    path: Path
    line: int = 0
    column: int = 0
    setting: str = ""
    folder: str = "the folder of the file"

    def __str__(self) -> str:
        if self.setting:
            return self.setting
        return f"{self.path}:{self.line}:{self.column}" if self.line else str(self.path)


Places = Mapping[Field, Place]


def place_of(field: Field, places: Places) -> Place:
    """The place of the field, or of the nearest mapping around it that was written."""
    while field not in places and field:
        field = field[:-1]
    return places[field]


def below(field: Field, places: Places) -> dict[Field, Place]:
    """The places with `field` in front: those of a document that is put in there."""
    return {(*field, *inner): place for inner, place in places.items()}


def without(field: Field, places: Places) -> dict[Field, Place]:
    """The places of everything but the field and what is in it."""
    return {key: place for key, place in places.items() if key[: len(field)] != field}
