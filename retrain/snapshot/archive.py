"""The zip itself: one pass over the files, which are hashed and packed while they are read.

A snapshot is named by the SHA-256 of what is in it (names, modes, contents), not of how that is
packed: the same tree has the same name wherever it lies, whoever packs it, and with whichever
zlib. `shared/azure/unpack.py` computes it again on the node, from the files that it wrote.
"""

import hashlib
import shutil
import tempfile
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from retrain.snapshot.container import DEFLATED, STORED, ZipContainer
from retrain.snapshot.packing import THREADS, deflate, deflated
from retrain.snapshot.reading import PIECE, pieces
from retrain.snapshot.tree import SourceFile

FILE, EXECUTABLE = 0o100644, 0o100755
_FORM = b"retrain code 1\n"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A packed code folder; leaving its `with` block removes the temporary file.

    sha256: of its content, in hex: its name.  size: of the zip, in bytes.  files: how many it has.
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


class _Packer:
    """Puts files into the zip and into the hash, in the order of their names' bytes."""

    def __init__(self, container: ZipContainer, pool: ThreadPoolExecutor) -> None:
        self._container = container
        self._pool = pool
        self.sha256 = hashlib.sha256(_FORM)

    def add(self, file: SourceFile) -> None:
        mode = EXECUTABLE if file.executable else FILE
        name = file.name.encode()
        self.sha256.update(b"%o %d %d\n" % (mode, len(name), file.size) + name)
        if file.size <= PIECE:
            self._add_small(file, mode)
        else:
            self._add_large(file, mode)

    def _add_small(self, file: SourceFile, mode: int) -> None:
        content = b"".join(pieces(file))
        self.sha256.update(content)
        packed, method = deflate(content, last=True), DEFLATED
        if len(packed) >= len(content):
            packed, method = content, STORED
        crc = zlib.crc32(content)
        self._container.whole(file.name, mode, file.size, method, crc, packed)

    def _add_large(self, file: SourceFile, mode: int) -> None:
        entry = self._container.begin(file.name, mode, file.size)

        def counted() -> Iterable[bytes]:
            for piece in pieces(file):
                self.sha256.update(piece)
                entry.crc = zlib.crc32(piece, entry.crc)
                yield piece

        for packed in deflated(self._pool, counted()):
            self._container.write(entry, packed)
        self._container.end(entry)


def pack(files: Iterable[SourceFile]) -> Snapshot:
    """Zip the files into a new temporary file; the caller removes it (`with`).

    Raises SnapshotRefused for a file that can't be read or changes meanwhile.
    """
    ordered = sorted(files, key=lambda file: file.name.encode())
    folder = Path(tempfile.mkdtemp(prefix="retrain-snapshot-"))
    try:
        with (folder / "code.zip").open("wb") as file, ThreadPoolExecutor(THREADS) as pool:
            container = ZipContainer(file)
            packer = _Packer(container, pool)
            for source in ordered:
                packer.add(source)
            size = container.finish()
        return Snapshot(folder / "code.zip", packer.sha256.hexdigest(), size, len(ordered))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
