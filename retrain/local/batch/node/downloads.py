"""Resource files: what is there before the process starts.

A file comes from a URL, or all blobs below a prefix come from a container and keep their whole
names below the file path, as on the service. Nothing is written outside the working folder.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx

from retrain.local.batch.execution import ResourceFile
from retrain.local.batch.node.failures import Broken, user_error
from retrain.local.batch.node.listing import Blob, Unreadable, blob_url, blobs
from retrain.local.batch.node.transfer import TRIES, Refused, Transfer, named

AT_ONCE: Final = 8
DEFAULT_MODE: Final = 0o770  # the service's own, for a file without a mode
CHUNK_BYTES: Final = 1 << 20


async def download(transfer: Transfer, files: Sequence[ResourceFile], working: Path) -> None:
    """Download all, a bounded number at once. Raises Broken with the first failure."""
    gate = asyncio.Semaphore(AT_ONCE)
    try:
        async with asyncio.TaskGroup() as group:
            for file in files:
                group.create_task(_one(transfer, file, working, gate))
    except BaseExceptionGroup as troubles:
        broken = troubles.subgroup(Broken)
        if broken is None:
            raise
        raise next(iter(_leaves(broken))) from None


async def _one(
    transfer: Transfer, file: ResourceFile, working: Path, gate: asyncio.Semaphore
) -> None:
    mode = _mode(file)
    if file.http_url is not None:
        async with gate:
            await _fetch(transfer, file.http_url, _inside(working, file.file_path or ""), mode)
    elif file.storage_container_url is not None:
        url, prefix = file.storage_container_url, file.blob_prefix or ""
        async with asyncio.TaskGroup() as group:
            for blob in await _found(transfer, url, prefix):
                target = _inside(working, f"{file.file_path or '.'}/{blob.name}")
                group.create_task(_gated(gate, transfer, blob_url(url, blob.name), target, mode))
    else:
        raise user_error("BlobDownloadMiscError", "A resource file has neither URL")


async def _gated(
    gate: asyncio.Semaphore, transfer: Transfer, url: str, target: Path, mode: int
) -> None:
    async with gate:
        await _fetch(transfer, url, target, mode)


async def _found(transfer: Transfer, url: str, prefix: str) -> list[Blob]:
    """The container's blobs, without the empty ones that only stand for folders."""
    try:
        found = [blob async for blob in blobs(transfer, url, prefix)]
    except Refused as error:
        raise _not_listed(error, url) from error
    except Unreadable as error:
        message = "The container of a resource file could not be listed"
        raise user_error(
            "ResourceContainerListMiscError", message, filePath=named(url), message=str(error)
        ) from error
    folders = {str(parent) for blob in found for parent in Path(blob.name).parents}
    return [b for b in found if b.size or not (b.name.endswith("/") or b.name in folders)]


async def _fetch(transfer: Transfer, url: str, target: Path, mode: int) -> None:
    """Download one file. A connection that breaks in the middle is begun again."""
    for attempt in range(1, TRIES + 1):
        try:
            await _write(transfer, url, target)
            break
        except Refused as error:
            raise _not_downloaded(error, url) from error
        except httpx.HTTPError as error:
            if attempt == TRIES:
                raise _not_downloaded(Refused(url, None, str(error)), url) from error
        except OSError as error:
            message = "A resource file could not be written"
            raise user_error(
                "ResourceFileWriteFailed", message, filePath=str(target), message=str(error)
            ) from error
    target.chmod(mode)


async def _write(transfer: Transfer, url: str, target: Path) -> None:
    async with transfer.stream(url) as answer:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            async for chunk in answer.aiter_raw(CHUNK_BYTES):
                file.write(chunk)


def _inside(working: Path, relative: str) -> Path:
    root = working.resolve()
    target = (root / relative).resolve()
    if target == root or not target.is_relative_to(root):
        message = "A resource file's path must lie inside the task's working directory"
        raise user_error("ResourceFileCreateFailed", message, filePath=relative)
    return target


def _mode(file: ResourceFile) -> int:
    try:
        return int(file.file_mode, 8) & 0o7777 if file.file_mode else DEFAULT_MODE
    except ValueError:
        message = "A resource file's mode must be octal digits, such as 0755"
        raise user_error(
            "ResourceFileCreateFailed", message, fileMode=str(file.file_mode)
        ) from None


def _not_downloaded(error: Refused, url: str) -> Broken:
    code, message = {
        404: ("BlobNotFound", "One of the specified Azure Blob(s) is not found"),
        401: ("BlobAccessDenied", "Access for one of the specified Azure Blob(s) is denied"),
        403: ("BlobAccessDenied", "Access for one of the specified Azure Blob(s) is denied"),
    }.get(
        error.status or 0,
        (
            "BlobDownloadMiscError",
            "Miscellaneous error encountered while downloading one of the specified Azure Blob(s)",
        ),
    )
    return user_error(code, f"{message}: {named(url)}", filePath=named(url), message=str(error))


def _not_listed(error: Refused, url: str) -> Broken:
    code, message = {
        404: ("ResourceContainerNotFound", "A specified resource container is not found"),
        401: ("ResourceContainerAccessDenied", "Access to a resource container is denied"),
        403: ("ResourceContainerAccessDenied", "Access to a resource container is denied"),
    }.get(
        error.status or 0,
        ("ResourceContainerListMiscError", "A specified resource container can't be listed"),
    )
    return user_error(code, f"{message}: {named(url)}", filePath=named(url), message=str(error))


def _leaves(group: BaseExceptionGroup[Broken]) -> list[Broken]:
    found: list[Broken] = []
    for each in group.exceptions:
        found += _leaves(each) if isinstance(each, BaseExceptionGroup) else [each]
    return found
