"""Which PyPI package is what a conda package is; the table is pypi_names.toml."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def on_pypi(name: str) -> str | None:
    """The package's name on PyPI; None when the table doesn't know it."""
    renamed: str | None = _table()["renamed"].get(name)
    return renamed or (name if name in _table()["same"] else None)


def carried(name: str) -> bool:
    """Whether PyPI's wheels bring what the conda package stands for, so that it can be left out."""
    return name in _table()["carried"]
