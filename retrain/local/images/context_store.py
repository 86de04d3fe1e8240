"""Build contexts on this machine: fetched once, checked against their names, unpacked for a build.

What is kept is the archive as it was uploaded, `contexts/<SHA-256 of the tar>.tar.gz`: a build that
was interrupted goes on without asking anybody again.
"""

import asyncio
import gzip
import hashlib
import shutil
import tarfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from retrain.local.images.making import BuildFailed, BuildLog

#: Bytes of a context once unpacked; the client sends 300 MB at most.
MOST: Final = 2_000_000_000
_PIECE: Final = 1 << 20
_AGAIN: Final = "Submit the job again, so that it is sent once more."


@dataclass(frozen=True, slots=True)
class ContextStore:
    """`sources`: where each digest can be had, as far as somebody told since the start."""

    folder: Path
    sources: dict[str, str] = field(default_factory=dict)

    async def fetch(self, digest: str, log: BuildLog) -> None:
        """Have the archive here. Raises BuildFailed."""
        if self._archive(digest).exists():
            return
        source = self.sources.get(digest)
        if source is None:
            raise BuildFailed(f"The build context {digest[:12]} is not here any more. {_AGAIN}")
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f"{digest}.new"
        try:
            await _download(source, draft)
        except httpx.HTTPError as error:
            raise BuildFailed(f"The build context can't be fetched: {error}. {_AGAIN}") from error
        found = await asyncio.to_thread(_digest, draft)
        if found != digest:
            draft.unlink()
            raise BuildFailed(f"The build context is damaged: its SHA-256 is {found}. {_AGAIN}")
        log.say(f"Build context {digest[:12]}: {draft.stat().st_size:,} bytes.")
        draft.replace(self._archive(digest))

    def unpack(self, digest: str, target: Path) -> None:
        """Write its files below the empty folder `target`. Blocks. Raises BuildFailed."""
        try:
            with tarfile.open(self._archive(digest), "r:gz") as archive:
                archive.extractall(target, filter="data")  # refuses what leads out of the folder
        except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
            shutil.rmtree(target, ignore_errors=True)
            raise BuildFailed(f"The build context can't be unpacked: {error}.") from error

    def _archive(self, digest: str) -> Path:
        return self.folder / f"{digest}.tar.gz"


async def _download(source: str, target: Path) -> None:
    async with (
        httpx.AsyncClient(timeout=60, trust_env=False) as client,
        client.stream("GET", source) as answer,
    ):
        if answer.status_code != 200:
            # Not raise_for_status: its message holds the address, which is signed.
            raise httpx.HTTPError(f"Blob Storage answers {answer.status_code}")
        with target.open("wb") as file:
            async for piece in answer.aiter_bytes(_PIECE):
                file.write(piece)


def _digest(path: Path) -> str:
    """SHA-256 of the tar file in the archive; what is wrong with it when it can't be read."""
    digest, size = hashlib.sha256(), 0
    try:
        with gzip.open(path) as archive:
            while piece := archive.read(_PIECE):
                size += len(piece)
                if size > MOST:
                    return f"unknown, for it has more than {MOST:,} bytes unpacked"
                digest.update(piece)
    except (OSError, EOFError, zlib.error) as error:
        return f"unknown, for it is no gzip file ({error})"
    return digest.hexdigest()
