"""Output files: what is kept once the process has ended.

Entries are uploaded in the order they are listed, the files of one entry several at a time; so a
marker listed last comes when all else was uploaded or tried. As on the service, two files in the
task's folder tell what happened: fileuploadout.txt and fileuploaderr.txt.
"""

from __future__ import annotations

import asyncio
import base64
import mimetypes
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from retrain.local.batch.execution import Execution, Failure, OutputFile
from retrain.local.batch.node.listing import blob_url
from retrain.local.batch.node.patterns import Match, matches, wild
from retrain.local.batch.node.transfer import Refused, Transfer, named

AT_ONCE: Final = 8
WHOLE_BYTES: Final = 64 << 20  # a larger file goes up in blocks
BLOCK_BYTES: Final = 16 << 20
BLOCKS_AT_ONCE: Final = 4
CHUNK_BYTES: Final = 1 << 20
UNKNOWN: Final = "application/octet-stream"


async def upload(transfer: Transfer, execution: Execution, *, succeeded: bool) -> Failure | None:
    """Upload what the entries ask for. What fails doesn't keep back the rest; returns the first."""
    failures = [
        await _entry(transfer, execution, entry)
        for entry in execution.output_files
        if _wanted(entry, succeeded=succeeded)
    ]
    return next((failure for failure in failures if failure is not None), None)


def _wanted(entry: OutputFile, *, succeeded: bool) -> bool:
    return entry.condition == "taskcompletion" or succeeded == (entry.condition == "tasksuccess")


async def _entry(transfer: Transfer, execution: Execution, entry: OutputFile) -> Failure | None:
    folder = execution.task_dir
    found = await asyncio.to_thread(
        matches, entry.pattern, folder / "wd", folder, execution.environment
    )
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(match: Match) -> Failure | None:
        url = blob_url(entry.container_url, destination(entry, match))
        async with gate:
            return await _file(transfer, match.file, url, folder, dict(entry.headers))

    failures = await asyncio.gather(*(one(match) for match in found))
    return next((failure for failure in failures if failure is not None), None)


def destination(entry: OutputFile, match: Match) -> str:
    """The blob's name: the entry's path is a folder for a pattern with wildcards, else the name."""
    if not wild(entry.pattern):
        return entry.path or match.relative
    return f"{entry.path.rstrip('/')}/{match.relative}" if entry.path else match.relative


async def _file(
    transfer: Transfer, file: Path, url: str, folder: Path, wished: Mapping[str, str]
) -> Failure | None:
    try:
        size = file.stat().st_size
        if size > WHOLE_BYTES:
            await _in_blocks(transfer, file, size, url, wished)
        else:
            await _whole(transfer, file, size, url, wished)
    except (Refused, OSError) as error:
        failure = _not_uploaded(file, error)
        _note(folder / "fileuploaderr.txt", f"{failure.code} {file}: {error}")
        return failure
    _note(folder / "fileuploadout.txt", f"{file} -> {named(url)} ({size} bytes)")
    return None


async def _whole(
    transfer: Transfer, file: Path, size: int, url: str, wished: Mapping[str, str]
) -> None:
    headers = {
        "content-type": _kind(file),
        **wished,
        "x-ms-blob-type": "BlockBlob",
        "content-length": str(size),
    }
    if size <= CHUNK_BYTES:
        await transfer.put(url, headers, lambda: file.read_bytes())
    else:
        await transfer.put(url, headers, lambda: _read(file, 0, size))


async def _in_blocks(
    transfer: Transfer, file: Path, size: int, url: str, wished: Mapping[str, str]
) -> None:
    """Put Block for each part, then Put Block List, which makes the blob."""
    gate = asyncio.Semaphore(BLOCKS_AT_ONCE)
    ids = [base64.b64encode(f"{n:08}".encode()).decode() for n in range(-(-size // BLOCK_BYTES))]

    async def one(number: int, block: str) -> None:
        start = number * BLOCK_BYTES
        length = min(BLOCK_BYTES, size - start)
        async with gate:
            await transfer.put(
                _asking(url, f"comp=block&blockid={block.replace('=', '%3D')}"),
                {"content-length": str(length)},
                lambda: _read(file, start, length),
            )

    parts = (one(number, block) for number, block in enumerate(ids))
    for trouble in await asyncio.gather(*parts, return_exceptions=True):
        if trouble is not None:
            raise trouble
    names = "".join(f"<Latest>{escape(block)}</Latest>" for block in ids)
    document = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{names}</BlockList>'.encode()
    headers = {
        "x-ms-blob-content-type": wished.get("content-type", _kind(file)),
        **{name: value for name, value in wished.items() if name.startswith("x-ms-")},
        "content-length": str(len(document)),
    }
    await transfer.put(_asking(url, "comp=blocklist"), headers, lambda: document)


async def _read(file: Path, start: int, length: int) -> AsyncIterator[bytes]:
    """Exactly so many bytes of the file. Raises OSError when it has become shorter."""
    with file.open("rb") as source:
        source.seek(start)
        while length:
            chunk = await asyncio.to_thread(source.read, min(CHUNK_BYTES, length))
            if not chunk:
                raise OSError(f"{file} became shorter while it was uploaded")
            length -= len(chunk)
            yield chunk


def _asking(url: str, query: str) -> str:
    base, _, signature = url.partition("?")
    return f"{base}?{query}&{signature}"


def _kind(file: Path) -> str:
    return mimetypes.guess_type(file.name)[0] or UNKNOWN


def _not_uploaded(file: Path, error: Refused | OSError) -> Failure:
    status = error.status if isinstance(error, Refused) else None
    code, message = "FileUploadMiscError", "An output file could not be uploaded"
    if status in (401, 403):
        code, message = "FileUploadAccessDenied", "Access was denied while uploading an output file"
    elif isinstance(error, Refused) and error.code == "ContainerNotFound":
        code = "FileUploadContainerNotFound"
        message = "The container was not found while uploading an output file"
    details = (("FileName", file.name), ("FilePath", str(file)), ("Message", str(error)))
    return Failure("usererror", code, f"{message}: {file.name}", details)


def _note(log: Path, line: str) -> None:
    with log.open("a", encoding="utf-8") as notes:
        notes.write(line + "\n")
