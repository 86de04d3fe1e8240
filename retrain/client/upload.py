"""Files to Blob Storage, by plain HTTP PUT to the addresses that the API handed out.

A file of up to 64 MiB is one Put Blob. A larger one goes as blocks of 8 MiB, a few at a time, and
exists as soon as the list of its blocks is put. Bytes come from the disk as they are sent; each
request carries the MD5 of its content, which the service compares.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from retrain.client.errors import TransferFailed
from retrain.client.parallel import Progress, in_parallel, silent
from retrain.client.retry import NOT_NOW, send
from retrain.client.sources import LocalFile, changed

SINGLE = 64 << 20  # bytes; above this a file goes as blocks
BLOCK = 8 << 20
MOST_BLOCKS = 50_000  # the service's limit for one blob
PIECE = 256 << 10
NOT_NOW_IN_STORAGE = NOT_NOW | {408, 500}
THERE_ALREADY = frozenset({"BlobAlreadyExists", "ConditionNotMet"})


@dataclass(frozen=True, slots=True)
class Upload:
    """A file and where the API wants it: `grant` is one of its {"url", "headers"} answers."""

    file: LocalFile
    grant: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.grant.get("headers") or {})

    def block_url(self, index: int) -> str:
        return self._with(f"comp=block&blockid={quote(block_id(self.file, index), safe='')}")

    @property
    def list_url(self) -> str:
        return self._with("comp=blocklist")

    def _with(self, query: str) -> str:
        url = str(self.grant["url"])
        return f"{url}{'&' if '?' in url else '?'}{query}"


@dataclass(frozen=True, slots=True)
class Part:
    """What one request carries. index: of the block, None when it is the whole file."""

    upload: Upload
    index: int | None
    start: int
    size: int


def upload_all(
    blobs: httpx.Client, uploads: list[Upload], progress: Progress = silent, single: int = SINGLE
) -> None:
    """Send every file; raises TransferFailed or BadSource, and then some may have arrived."""
    parts = [part for upload in uploads for part in parts_of(upload, single)]
    in_parallel(lambda part, report: _put(blobs, part, report), parts, progress)
    large = [upload for upload in uploads if upload.file.size > single]
    in_parallel(lambda upload, _: _put_list(blobs, upload), large)


def parts_of(upload: Upload, single: int = SINGLE) -> list[Part]:
    """Cut a file into requests; only the very largest get blocks of more than 8 MiB."""
    size = upload.file.size
    if size <= single:
        return [Part(upload, None, 0, size)]
    block = block_size(size)
    return [
        Part(upload, index, start, min(block, size - start))
        for index, start in enumerate(range(0, size, block))
    ]


def block_size(size: int) -> int:
    return max(BLOCK, -(-size // MOST_BLOCKS))


def block_id(file: LocalFile, index: int) -> str:
    """All ids of a blob have to be equally long.

    They tell the content, too: two who upload to one name at once (a snapshot that two versions of
    a packer made) would mix their blocks otherwise.
    """
    return base64.b64encode(f"{file.md5}{index:06d}".encode()).decode()


def _put(blobs: httpx.Client, part: Part, report: Progress) -> None:
    file = part.upload.file
    if part.index is None:
        url, headers = str(part.upload.grant["url"]), part.upload.headers
        headers |= {"Content-MD5": file.md5}
    else:
        url = part.upload.block_url(part.index)
        headers = _without(part.upload.headers, "x-ms-blob-type", "if-none-match")
        headers |= {"Content-MD5": _md5(part)}
    headers |= {"Content-Length": str(part.size)}
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        for piece in _pieces(part):
            report(len(piece))
            sent += len(piece)
            yield piece

    def make() -> httpx.Request:
        nonlocal sent
        report(-sent)  # a try before this one did not count
        sent = 0
        return blobs.build_request("PUT", url, content=body(), headers=headers)

    _checked(blobs, make, file)


def _put_list(blobs: httpx.Client, upload: Upload) -> None:
    upload.file.check_unchanged()
    count = len(parts_of(upload, single=0))
    blocks = "".join(f"<Latest>{block_id(upload.file, index)}</Latest>" for index in range(count))
    content = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{blocks}</BlockList>'.encode()
    headers = _without(upload.headers, "x-ms-blob-type") | {
        "Content-Type": "application/xml",
        "x-ms-blob-content-md5": upload.file.md5,
    }

    def make() -> httpx.Request:
        return blobs.build_request("PUT", upload.list_url, content=content, headers=headers)

    _checked(blobs, make, upload.file)


def _checked(blobs: httpx.Client, make: Callable[[], httpx.Request], file: LocalFile) -> None:
    try:
        response = send(blobs, make, not_now=NOT_NOW_IN_STORAGE)
    except httpx.TransportError as error:
        raise TransferFailed(
            f"The upload of {file.name} broke off: {str(error) or type(error).__name__}.",
            remedy="Run the command again; what arrived is not sent twice.",
        ) from error
    if response.status_code < 300:
        return
    code = response.headers.get("x-ms-error-code", "")
    if code in THERE_ALREADY:
        return  # stored by its content, so what is there is the same
    if code == "Md5Mismatch":
        raise changed(file.path)
    raise TransferFailed(
        f"Blob Storage refused the upload of {file.name}: {response.status_code} {code}".rstrip()
        + ".",
        remedy="The address it was given may have expired: run the command again.",
        code=code,
    )


def _without(headers: dict[str, str], *names: str) -> dict[str, str]:
    """A block has neither a type nor a condition: those belong to the blob as a whole."""
    return {name: value for name, value in headers.items() if name.lower() not in names}


def _pieces(part: Part) -> Iterator[bytes]:
    left = part.size
    with part.upload.file.path.open("rb") as file:
        file.seek(part.start)
        while left and (piece := file.read(min(PIECE, left))):
            left -= len(piece)
            yield piece
    if left:
        raise changed(part.upload.file.path)


def _md5(part: Part) -> str:
    md5 = hashlib.md5(usedforsecurity=False)
    for piece in _pieces(part):
        md5.update(piece)
    return base64.b64encode(md5.digest()).decode()
