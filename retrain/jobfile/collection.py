"""Which files are meant by names on the command line: files, folders, patterns."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retrain.problem import Problem

_ENDINGS: Final = (".yml", ".yaml")
_PASSED_BY: Final = ("node_modules", "__pycache__", "venv", "site-packages")
_WILD: Final = "*?["


@dataclass(frozen=True, slots=True)
class Collected:
    """named: by itself, not found in a folder, so it has to be a document of the job language."""

    path: Path
    named: bool


class NoSuchFile(Problem):
    """A name on the command line that stands for nothing."""

    exit_code = 2

    def __init__(self, name: str) -> None:
        super().__init__(f"'{name}' is no file, no folder, and no pattern that fits one.")
        self.remedy = "Check the name; put a pattern in quotes: 'jobs/**/*.yml'."


def collect(names: Iterable[str]) -> list[Collected]:
    """The files meant, each once, in the order of the names. Raises NoSuchFile.

    A folder stands for all of its *.yml and *.yaml files, at any depth, without hidden folders and
    those of installed packages.
    """
    found: dict[Path, Collected] = {}
    for name in names:
        for one in _meant(name):
            known = found.get(one.path)
            found[one.path] = Collected(one.path, one.named or (known is not None and known.named))
    return list(found.values())


def _meant(name: str) -> list[Collected]:
    path = Path(name)
    if path.is_dir():
        return [Collected(file, False) for file in _in_folder(path)]
    if path.exists():
        return [Collected(path, True)]
    fitting = sorted(_fitting(path)) if set(_WILD) & set(name) else []
    if not fitting:
        raise NoSuchFile(name)
    return [Collected(file, False) for file in fitting]


def _in_folder(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.name in _PASSED_BY:
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _in_folder(entry)
        elif entry.suffix in _ENDINGS and entry.is_file():
            yield entry


def _fitting(pattern: Path) -> Iterator[Path]:
    root = Path(pattern.anchor) if pattern.is_absolute() else Path()
    parts = pattern.parts[1:] if pattern.is_absolute() else pattern.parts
    return (path for path in root.glob(str(Path(*parts))) if path.is_file())
