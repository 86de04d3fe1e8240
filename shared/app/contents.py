"""Looking at data: which content is at a place this moment."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from shared.domain.lineage import Content, Place
from shared.ports.files import REGISTRY, File, Files

MANIFESTS: Final = "manifests"


@dataclass(frozen=True, slots=True)
class Contents:
    files: Files

    def at(self, place: Place, *, keep: bool = True) -> Content | None:
        """What is there; None when nothing is. One call for a file, and for 5,000 of a folder.

        keep: a folder's manifest is written down. place: not a public one.
        """
        if not place.folder:
            found = self.files.stat(place.container, place.path, place.account)
            if found is None:
                return None
            return Content(size=found.size, etag=found.etag, md5=found.md5)
        listed = [file for file in self._listed(place) if not _stands_for_a_folder(file)]
        if not listed:
            return None
        manifest = _manifest(listed, place.path)
        name = hashlib.sha256(manifest).hexdigest()
        if keep:
            self.files.write(REGISTRY, f"{MANIFESTS}/{name}.json", manifest)
        return Content(
            size=sum(file.size for file in listed),
            files=len(listed),
            sha256=_digest(listed, place.path),
            manifest=name,
        )

    def settled(self, place: Place) -> Place:
        """The place as what it turns out to be, when its path alone doesn't say: file or folder."""
        if place.public or place.path == "" or place.path.endswith("/"):
            return place
        if self.files.stat(place.container, place.path, place.account) is not None:
            return replace(place, folder=False)
        return replace(place, folder=True, path=place.path + "/")

    def _listed(self, place: Place) -> Iterable[File]:
        return self.files.list(place.container, place.path, place.account)


def _stands_for_a_folder(file: File) -> bool:
    """Data Lake and some tools keep an empty blob for a folder."""
    return file.size == 0 and file.path.endswith("/")


def _digest(files: Iterable[File], prefix: str) -> str:
    """SHA-256 of what is in the folder, whenever it was written there."""
    rows = [[f.path.removeprefix(prefix), f.size, f.md5 or f.etag] for f in files]
    return hashlib.sha256(json.dumps(sorted(rows)).encode()).hexdigest()


def _manifest(files: Iterable[File], prefix: str) -> bytes:
    """A line of [path, size, ETag, MD5] for each file, by path, as one JSON list."""
    rows = [[f.path.removeprefix(prefix), f.size, f.etag, f.md5] for f in files]
    return json.dumps(sorted(rows), indent=0, ensure_ascii=False).encode()
