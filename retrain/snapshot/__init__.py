"""The snapshot of code: a folder (or one file) as a zip that is named by its content.

    with take_snapshot(Path("src")) as snapshot:
        client.ensure_snapshot(snapshot)

`ignore` says what stays at home, `tree` walks the rest, `includes` adds what lies elsewhere,
`limits` refuses too much of it, and `archive` reads it once, hashing and packing (`reading`,
`packing`, `container`) so that the same tree always is the same snapshot.
"""

from collections.abc import Sequence
from pathlib import Path

from retrain.snapshot.archive import Snapshot, pack
from retrain.snapshot.errors import SnapshotRefused
from retrain.snapshot.ignore import NO_RULES, Rules, read_rules
from retrain.snapshot.includes import include
from retrain.snapshot.limits import Limits, check
from retrain.snapshot.tree import SourceFile, check_name, files_below

__all__ = ["Limits", "Snapshot", "SnapshotRefused", "take_snapshot"]

DEFAULT_LIMITS = Limits()


def take_snapshot(
    code: Path | None, limits: Limits = DEFAULT_LIMITS, includes: Sequence[Path] = ()
) -> Snapshot:
    """Pack the folder or file `code`; use the result as a context manager.

    code: None when there are only includes.  includes: put beside the code; see includes.py.
    Raises SnapshotRefused when something is missing, empty, too large, unreadable or changing, or
    when links lead out.
    """
    files, rules = _code(code, limits)
    more = include(includes, files, limits)
    try:
        files += more.files
        check(files, rules, limits)
        return pack(files)
    finally:
        for zipped in more.zipped:
            zipped.remove()


def _code(code: Path | None, limits: Limits) -> tuple[list[SourceFile], Rules]:
    if code is None:
        return [], NO_RULES
    if code.is_dir():
        root = code.resolve()
        rules = read_rules(root)
        return list(files_below(root, rules, enough=limits.enough)), rules
    if not code.exists():
        raise SnapshotRefused(
            f"The code {code} does not exist.",
            remedy="`code` in a job file is a folder or a file, relative to the job file.",
        )
    check_name(code.name)
    return [SourceFile.met(code.name, str(code), code.stat())], NO_RULES
