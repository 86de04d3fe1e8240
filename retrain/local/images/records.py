"""What is known of each key, one small JSON file each, replaced whole.

A record that says "building" while nobody builds is the trace of a builder that was killed: its
environment is not there, and is begun again when somebody asks.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shared.jobs.images.recipe import Recipe

State = Literal["building", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class Record:
    """`at` is when the state began, in epoch seconds; `reason` speaks when it failed."""

    recipe: Recipe
    mode: str
    state: State
    at: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Records:
    folder: Path

    def read(self, key: str) -> Record | None:
        """None when the key is not known, or its file can't be read: then it is built anew."""
        try:
            stored = json.loads(self._file(key).read_text(encoding="utf-8"))
            return Record(Recipe.load(stored.pop("recipe")), **stored)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, key: str, record: Record) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        stored = {
            "recipe": record.recipe.dump(),
            "mode": record.mode,
            "state": record.state,
            "at": record.at,
            "reason": record.reason,
        }
        draft = self.folder / f"{key}.new"
        draft.write_text(json.dumps(stored), encoding="utf-8")
        draft.replace(self._file(key))

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.json"
