"""How much code may travel, and an error that says where the weight is.

A code folder that is too large nearly always holds data, a virtual environment or old outputs; so
the error names the heaviest entries of the folder's top and the line that leaves them out.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from retrain.snapshot.errors import SnapshotRefused
from retrain.snapshot.ignore import Rules
from retrain.snapshot.tree import ENOUGH, SourceFile

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """Both count what travels, before it is packed: `bytes` (300 MB) and `files` (2,000)."""

    bytes: int = 300_000_000
    files: int = 2_000

    @property
    def enough(self) -> int:
        """Files after which a walk may stop: there are too many, and where they are is plain."""
        return max(ENOUGH, self.files + 1)


def check(files: Sequence[SourceFile], rules: Rules, limits: Limits) -> None:
    """Raise SnapshotRefused when there is nothing, or too much, to send."""
    if not files:
        ignored = f" that {rules.source} does not leave out" if rules.source else ""
        raise SnapshotRefused(
            f"The code folder has no file{ignored}.",
            remedy="Point `code` in the job file to the folder that holds your script.",
        )
    size = sum(file.size for file in files)
    if size <= limits.bytes and len(files) <= limits.files:
        return
    many = f"more than {len(files):,}" if len(files) >= limits.enough else f"{len(files):,}"
    raise SnapshotRefused(
        f"The code folder is too large: {many} files of {megabytes(size)}"
        f" (at most {limits.files:,} files and {megabytes(limits.bytes)})."
        f" Most of it: {_heaviest(files, by_size=size > limits.bytes)}.",
        remedy=f"Leave out what the script does not need: one line each in"
        f" {rules.source or '.amlignore'} beside the code; large data belongs in `inputs`."
        f" Or raise the limit with --code-max-mb or --code-max-files.",
    )


def _heaviest(files: Sequence[SourceFile], *, by_size: bool) -> str:
    sizes: defaultdict[str, int] = defaultdict(int)
    counts: defaultdict[str, int] = defaultdict(int)
    for file in files:
        top, below, _ = file.name.partition("/")
        sizes[top + below] += file.size
        counts[top + below] += 1
    rank = sizes if by_size else counts
    top_names = sorted(rank, key=lambda name: (-rank[name], name))[:SHOWN]
    return ", ".join(
        f"{name} ({megabytes(sizes[name])}, {counts[name]:,} file{'s' * (counts[name] != 1)})"
        for name in top_names
    )


def megabytes(size: int) -> str:
    """Write a size in bytes as people read it, in units of 1000."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e3:,.1f} kB"
