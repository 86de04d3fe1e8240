"""The snapshot of code: a folder (or one file) as a zip that is named by its content.

    with take_snapshot(Path("src")) as snapshot:
        client.ensure_snapshot(snapshot)

`ignore` says what stays at home, `tree` walks the rest, `limits` refuses too much of it, and
`archive` packs it so that the same tree always is the same zip.
"""

from pathlib import Path

from retrain.snapshot.archive import Snapshot, pack
from retrain.snapshot.errors import SnapshotRefused
from retrain.snapshot.ignore import NO_RULES, read_rules
from retrain.snapshot.limits import Limits, check
from retrain.snapshot.tree import SourceFile, files_below

__all__ = ["Limits", "Snapshot", "SnapshotRefused", "take_snapshot"]

DEFAULT_LIMITS = Limits()


def take_snapshot(code: Path, limits: Limits = DEFAULT_LIMITS) -> Snapshot:
    """Pack the folder or file `code`; use the result as a context manager.

    Raises SnapshotRefused when it is missing, empty, too large, unreadable, or links lead out.
    """
    if code.is_file():
        found = code.stat()
        files = [SourceFile(code.name, code, found.st_size, bool(found.st_mode & 0o100))]
        check(files, NO_RULES, limits)
        return pack(files)
    if not code.is_dir():
        raise SnapshotRefused(
            f"The code {code} does not exist.",
            remedy="`code` in a job file is a folder or a file, relative to the job file.",
        )
    root = code.resolve()
    rules = read_rules(root)
    files = list(files_below(root, rules))
    check(files, rules, limits)
    return pack(files)
