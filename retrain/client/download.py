"""A run's files to a folder of one's own: a few at a time, and never half of one under its name.

Each file is written beside its place as `<name>.part` and renamed when it is whole. A connection
that breaks is taken up where it broke, as long as the blob is the same one (its ETag says so).
"""

import os
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

import httpx

from retrain.client.errors import TransferFailed, UnsafePath
from retrain.client.parallel import Progress
from retrain.client.retry import NOT_NOW, WAITS

NOT_NOW_IN_STORAGE = NOT_NOW | {408, 500}
CHANGED, BEYOND = 412, 416
PIECE = 256 << 10


def safe_target(folder: Path, path: str) -> Path:
    """Return where `path`, a name from the service, goes below `folder`; raises UnsafePath."""
    parts = path.split("/")
    if (
        PurePosixPath(path).is_absolute()
        or any(part in ("", ".", "..") or "\0" in part for part in parts)
        or (os.name == "nt" and (PureWindowsPath(path).anchor or "\\" in path or ":" in path))
    ):
        raise UnsafePath(path)
    return folder.joinpath(*parts)


def fetch(
    blobs: httpx.Client, url: Callable[[], str], target: Path, report: Progress, path: str
) -> None:
    """Write what is at `url()` to `target`, which is replaced.

    url: asks for a fresh address at each try, since an address is valid for minutes only.
    Raises TransferFailed; OSError when the disk says no.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        with part.open("wb") as file:
            download = _Download(file, report, path)
            for wait in (*WAITS, None):
                try:
                    download.take_up(blobs, url())
                    break
                except _BrokeOff as error:
                    if wait is None:
                        raise TransferFailed(
                            f"The download of {path} broke off: {error}.",
                            remedy="Run the command again.",
                        ) from error
                    time.sleep(wait)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


class _BrokeOff(Exception):
    """This try failed; another may not."""


class _Download:
    """One file on its way down: what is on the disk so far, and of which blob it is."""

    def __init__(self, file: BinaryIO, report: Progress, path: str) -> None:
        self._file, self._report, self._path = file, report, path
        self._etag = ""

    def take_up(self, blobs: httpx.Client, url: str) -> None:
        """Fetch what is missing; raises _BrokeOff or TransferFailed."""
        at = self._file.tell()
        resume = {"Range": f"bytes={at}-", "If-Match": self._etag} if at and self._etag else {}
        try:
            with blobs.stream("GET", url, headers=resume) as answer:
                self._check(answer)
                if answer.status_code == 200 and at:
                    self._start_again()
                self._etag = answer.headers.get("ETag", "")
                for piece in answer.iter_raw(PIECE):
                    self._file.write(piece)
                    self._report(len(piece))
        except httpx.TransportError as error:
            raise _BrokeOff(str(error) or type(error).__name__) from error

    def _start_again(self) -> None:
        self._report(-self._file.tell())
        self._file.seek(0)
        self._file.truncate()

    def _check(self, answer: httpx.Response) -> None:
        status, code = answer.status_code, answer.headers.get("x-ms-error-code", "")
        if status in (200, 206):
            return
        if status in (CHANGED, BEYOND):  # another blob by now: nothing here belongs to it
            self._etag = ""
            raise _BrokeOff("the file changed meanwhile")
        if status in NOT_NOW_IN_STORAGE:
            raise _BrokeOff(f"{status} {code}".rstrip())
        raise TransferFailed(
            f"Blob Storage refused the download of {self._path}: {status} {code}".rstrip() + ".",
            remedy="Run the command again.",
            code=code,
        )
