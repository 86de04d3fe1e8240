"""Places that clients may put bytes: code, inputs, data. Only what isn't there yet travels."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from shared.domain.errors import Invalid
from shared.jobs import DatastorePath
from shared.jobs.datastore import checked_path
from shared.ports.files import DATA, SNAPSHOTS, Files, Links

#: How long an address for uploading is good for.
WRITABLE: Final = timedelta(hours=6)
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Ticket:
    """PUT the bytes of `path` to `url`; afterwards they are known as `uri`."""

    path: str
    url: str
    uri: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Uploads:
    files: Files
    links: Links

    def snapshot(self, sha256: str) -> tuple[str, Ticket | None]:
        """The snapshot's address, and a ticket unless it is there. Raises Invalid."""
        path = f"{_digest(sha256)}.zip"
        ticket = self._ticket(SNAPSHOTS, path, path, new=True)
        there = self.files.stat(SNAPSHOTS, path) is not None
        return ticket.uri, None if there else ticket

    def context(self, digest: str) -> tuple[str, Ticket | None]:
        """The address of a build context, named by the SHA-256 of its tar before compression, and a
        ticket unless it is there. Raises Invalid."""
        path = f"contexts/{_digest(digest)}.tar.gz"
        ticket = self._ticket(SNAPSHOTS, path, path, new=True)
        there = self.files.stat(SNAPSHOTS, path) is not None
        return ticket.uri, None if there else ticket

    def inputs(self, digest: str, files: Sequence[tuple[str, int]]) -> tuple[str, list[Ticket]]:
        """The folder's address, and tickets for those of its (path, size) that aren't there."""
        folder = f"inputs/{_digest(digest)}/"
        there = {file.path: file.size for file in self.files.list(SNAPSHOTS, folder)}
        tickets = [
            self._ticket(SNAPSHOTS, folder + _path(path), path)
            for path, size in files
            if there.get(folder + path) != size
        ]
        return str(DatastorePath("workspaceworkingdirectory", folder)), tickets

    def data(self, paths: Sequence[str]) -> list[Ticket]:
        """Tickets to write files of users' data, new or anew."""
        return [self._ticket(DATA, _path(path), path) for path in paths]

    def _ticket(self, container: str, blob: str, path: str, *, new: bool = False) -> Ticket:
        store = "workspaceblobstore" if container == DATA else "workspaceworkingdirectory"
        headers = {"x-ms-blob-type": "BlockBlob", "x-ms-version": "2021-12-02"}
        if new:
            headers["If-None-Match"] = "*"  # somebody else's upload of the same content stands
        url = self.links.writing(container, blob, WRITABLE)
        return Ticket(path, url, str(DatastorePath(store, blob)), headers)


def _digest(text: str) -> str:
    if not _DIGEST.fullmatch(text):
        raise Invalid(
            f"'{text[:80]}' is no SHA-256.",
            remedy="Send 64 hex digits, lower case.",
            code="BadDigest",
        )
    return text


def _path(path: str) -> str:
    try:
        checked = checked_path(path)
    except ValueError as error:
        raise Invalid(
            f"{error}.", remedy="Send a path below the container.", code="BadPath"
        ) from error
    if not checked or checked.endswith("/"):
        raise Invalid(f"'{path}' is no file's path.", remedy="Name the file.", code="BadPath")
    return checked
