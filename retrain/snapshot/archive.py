"""The zip itself: one pass over the files, hashed while it is written.

The same tree gives the same bytes, and so the same SHA-256, wherever it lies and whoever packs it:
names are sorted, times are 1980, permissions are 755 or 644. (Deflate itself is zlib's affair; a
Python built on another zlib may pack the same tree into other bytes, which costs one more upload
and nothing else.)
"""

import hashlib
import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING

from retrain.snapshot.errors import SnapshotRefused
from retrain.snapshot.tree import SourceFile

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PIECE = 1 << 20
EPOCH = (1980, 1, 1, 0, 0, 0)  # the zip format knows no earlier time
UNIX = 3
FILE, EXECUTABLE = 0o100644, 0o100755


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A packed code folder; leaving its `with` block removes the temporary file.

    sha256: of the zip's bytes, in hex.  size: of the zip, in bytes.  files: how many are in it.
    """

    path: Path
    sha256: str
    size: int
    files: int

    def __enter__(self) -> "Snapshot":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    def remove(self) -> None:
        shutil.rmtree(self.path.parent, ignore_errors=True)


class _HashedStream(io.RawIOBase):
    """A file that can only be appended to, so that its hash needs no second reading.

    zipfile sees that it can't seek back, and writes sizes behind each file instead of before it.
    """

    def __init__(self, below: IO[bytes]) -> None:
        self._below = below
        self.sha256 = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer") -> int:
        written = memoryview(data).nbytes
        self._below.write(data)
        self.sha256.update(data)
        self.size += written
        return written


def pack(files: Iterable[SourceFile]) -> Snapshot:
    """Zip the files into a new temporary file; the caller removes it (`with`)."""
    ordered = sorted(files, key=lambda file: file.name.encode())
    folder = Path(tempfile.mkdtemp(prefix="retrain-snapshot-"))
    try:
        with (folder / "code.zip").open("wb") as below, _HashedStream(below) as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
                for file in ordered:
                    _add(archive, file)
            return Snapshot(
                folder / "code.zip", stream.sha256.hexdigest(), stream.size, len(ordered)
            )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _add(archive: zipfile.ZipFile, file: SourceFile) -> None:
    entry = zipfile.ZipInfo(file.name, EPOCH)
    entry.create_system = UNIX
    entry.external_attr = (EXECUTABLE if file.executable else FILE) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.file_size = file.size
    with archive.open(entry, "w") as target:
        for piece in _pieces(file):
            target.write(piece)


def _pieces(file: SourceFile) -> Iterator[bytes]:
    left = file.size  # what grew since the walk (a log) is cut there: the limits hold
    try:
        with file.path.open("rb") as source:
            while left and (piece := source.read(min(PIECE, left))):
                left -= len(piece)
                yield piece
    except OSError as error:
        raise SnapshotRefused(
            f"{file.name} can't be read: {error.strerror or error}.",
            remedy=f"Make it readable, or leave it out with the line /{file.name} in .amlignore.",
        ) from error
    if left:
        raise SnapshotRefused(
            f"{file.name} became shorter while it was packed.",
            remedy="Run the command again when nothing writes to it any more.",
        )
