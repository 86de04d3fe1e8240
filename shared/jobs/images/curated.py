"""What Azure ML's curated images hold, for machines that can't run an image: curated.toml."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Curated:
    """requirements: pip's lines that stand for the image.  refusal: why there are none, or ""."""

    requirements: Sequence[str]
    refusal: str


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def curated_requirements(name: str) -> Curated:
    """Of the curated environment of that name, `sklearn-1.5`."""
    entry = _table()["environments"].get(name)
    if entry is None:
        known = [one for one, its in _table()["environments"].items() if "requirements" in its]
        return Curated(
            (),
            f"Retrain doesn't know which packages the curated environment '{name}' holds (it "
            f"knows: {', '.join(known)}).",
        )
    return Curated(tuple(entry.get("requirements", ())), entry.get("refusal", ""))
