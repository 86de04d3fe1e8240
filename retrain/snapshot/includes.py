"""`additional_includes`: files and folders from beside the code, merged into its root.

Each comes under its own name, as in Azure ML: `../shared/lib` is the folder `lib` in the root of
the code. `../shared/lib.zip` is that file when it exists, and else the folder `lib`, zipped. A name
that the code or another include has already is an error, never an overlay. The ignore file of an
included folder's own root says what of it stays at home.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from retrain.snapshot.archive import Snapshot, pack
from retrain.snapshot.errors import SnapshotRefused
from retrain.snapshot.ignore import read_rules
from retrain.snapshot.limits import Limits
from retrain.snapshot.tree import SourceFile, check_name, files_below

ZIP = ".zip"


@dataclass(slots=True)
class Included:
    """files: what comes beside the code.  zipped: folders packed for it, to be removed after."""

    files: list[SourceFile]
    zipped: list[Snapshot]


def exists(path: Path) -> bool:
    """Whether an include leads to something: a file, a folder, or a folder to be zipped."""
    return path.exists() or (path.suffix == ZIP and path.with_suffix("").is_dir())


def include(paths: Sequence[Path], code: Sequence[SourceFile], limits: Limits) -> Included:
    """Find what the includes add to `code`. Raises SnapshotRefused."""
    taken = {file.name.partition("/")[0]: "the code folder" for file in code}
    found = Included([], [])
    try:
        for given in paths:
            path = given.resolve()
            _take(path, taken)
            _add(found, path, limits)
    except BaseException:
        for one in found.zipped:
            one.remove()
        raise
    return found


def _take(path: Path, taken: dict[str, str]) -> None:
    name = path.name
    if not name:
        raise SnapshotRefused(
            f"additional_includes: {path} has no name of its own.",
            remedy="Name the folders and files in it that the code needs.",
        )
    check_name(name)
    if name in taken:
        raise SnapshotRefused(
            f"additional_includes: {path} would come to lie at {name}, which {taken[name]} has"
            " already.",
            remedy="Rename one of the two, or leave one out.",
        )
    taken[name] = str(path)


def _add(found: Included, path: Path, limits: Limits) -> None:
    if path.is_dir():
        rules = read_rules(path)
        found.files += files_below(path, rules, path.name + "/", limits.enough)
    elif path.exists():
        found.files.append(SourceFile.met(path.name, str(path), path.stat()))
    elif exists(path):
        folder = path.with_suffix("")
        packed = pack(files_below(folder, read_rules(folder), folder.name + "/", limits.enough))
        found.zipped.append(packed)
        found.files.append(SourceFile.met(path.name, str(packed.path), packed.path.stat()))
    else:
        raise SnapshotRefused(
            f"additional_includes: {path} does not exist.",
            remedy="The paths are relative to the file that names them.",
        )
