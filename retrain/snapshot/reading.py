"""A file's bytes, as they were when the walk met it: what changes meanwhile is refused."""

import os
from collections.abc import Iterator
from typing import BinaryIO

from retrain.snapshot.errors import SnapshotRefused
from retrain.snapshot.tree import SourceFile, Stamp

PIECE = 1 << 20  # bytes
#: A name may have become a link or a pipe since: neither is followed, nor waited for.
_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def pieces(file: SourceFile) -> Iterator[bytes]:
    """Yield the content, in pieces of 1 MiB but for the last; an empty file has one, of no bytes.

    Raises SnapshotRefused when it can't be read, or is not what the walk met, or changes.
    """
    try:
        with open(file.path, "rb", buffering=0, opener=_open) as source:
            _check(file, source)
            left = file.size
            if not left:
                yield b""
            while left:
                piece = source.read(min(PIECE, left))
                if not piece:
                    raise _changed(file)
                left -= len(piece)
                if left and len(piece) < PIECE:
                    piece, left = _filled(source, piece, left)
                yield piece
            _check(file, source)
    except OSError as error:
        raise SnapshotRefused(
            f"{file.name} can't be read: {error.strerror or error}.",
            remedy=f"Make it readable, or leave it out with the line /{file.name} in .amlignore.",
        ) from error


def _filled(source: BinaryIO, piece: bytes, left: int) -> tuple[bytes, int]:
    """A read may stop early; pieces don't, so that the same file always is the same pieces."""
    while left and len(piece) < PIECE and (more := source.read(min(PIECE - len(piece), left))):
        piece, left = piece + more, left - len(more)
    return piece, left


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | _FLAGS)


def _check(file: SourceFile, source: BinaryIO) -> None:
    if Stamp.of(os.fstat(source.fileno())) != file.stamp:
        raise _changed(file)


def _changed(file: SourceFile) -> SnapshotRefused:
    return SnapshotRefused(
        f"{file.name} changed while it was packed.",
        remedy="Run the command again when nothing writes to it any more, or leave it out with"
        f" the line /{file.name} in .amlignore.",
    )
