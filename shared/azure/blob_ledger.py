"""Ledger over append blobs: `tracking/<path>/<segment>.jsonl`.

An append blob takes 50,000 appends and no more, so a ledger is a row of them. The service itself
refuses, atomically, an append that would make one larger than SEGMENT, and then the next is begun;
so a reader that found less than SEGMENT - LONGEST_LINE bytes knows that there is no next one.
"""

from collections.abc import Sequence
from typing import Any, Final

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobClient, BlobServiceClient

from shared.azure.errors import error_code, translated
from shared.ports.files import TRACKING
from shared.ports.ledger import LONGEST_LINE, START, Position

_SERVICE = "Blob Storage"
#: Bytes: a thousand batches of a few values, and thousands of appends below the service's limit.
SEGMENT: Final = 4 * LONGEST_LINE
_FULL: Final = ("MaxBlobSizeConditionNotMet", "BlockCountExceedsLimit")
_MOVED: Final = "AppendPositionConditionNotMet"
#: Ledgers whose last segment is remembered, so that an append is one call.
_REMEMBERED: Final = 10_000


class BlobLedger:
    """Ledger."""

    def __init__(self, service: BlobServiceClient) -> None:
        self._container = service.get_container_client(TRACKING)
        self._last: dict[str, int] = {}

    def append(self, path: str, line: bytes) -> None:
        self._written(path, line, self._last.get(path, 0), None)

    def append_at(self, path: str, line: bytes, end: Position) -> bool:
        return self._written(path, line, end.segment, end.offset)

    def read(self, path: str, since: Position = START) -> tuple[bytes, Position]:
        text, position = b"", since
        while True:
            new = self._rest(path, position)
            if new is None:
                return text, position
            text += new
            position = Position(position.segment, position.offset + len(new))
            if position.offset <= SEGMENT - LONGEST_LINE:
                return text, position
            following = Position(position.segment + 1)
            if self._rest(path, following) is None:
                return text, position
            position = following

    def list(self, prefix: str) -> Sequence[str]:
        try:
            names = [blob.name for blob in self._container.list_blobs(name_starts_with=prefix)]
        except AzureError as error:
            raise translated(_SERVICE, error) from error
        return sorted({name.rpartition("/")[0] for name in names})

    def _written(self, path: str, line: bytes, segment: int, offset: int | None) -> bool:
        """False when the end is no longer at `offset` of `segment`; None: wherever it is."""
        if len(line) > LONGEST_LINE:
            raise ValueError(f"a line of {len(line)} bytes is too long for {path}")
        while True:
            outcome = self._tried(self._blob(path, segment), line, offset)
            if outcome == "written":
                self._remember(path, segment)
                return True
            if outcome == "moved":
                return False
            segment, offset = segment + 1, None if offset is None else 0

    def _tried(self, blob: BlobClient, line: bytes, offset: int | None) -> str:
        """written, moved or full."""
        limits: dict[str, Any] = {"maxsize_condition": SEGMENT}
        if offset is not None:
            limits["appendpos_condition"] = offset
        try:
            try:
                blob.append_block(line, len(line), **limits)
            except ResourceNotFoundError:
                if offset:
                    return "moved"
                _create(blob)
                blob.append_block(line, len(line), **limits)
        except HttpResponseError as error:
            code = error_code(error)
            if code == _MOVED:
                return "moved"
            if code in _FULL:
                return "full"
            raise translated(_SERVICE, error) from error
        except AzureError as error:
            raise translated(_SERVICE, error) from error
        return "written"

    def _rest(self, path: str, since: Position) -> bytes | None:
        """What the segment has from there on; None when there is no such segment."""
        try:
            # With a range that starts past the end the service answers 416, not with nothing.
            found = self._blob(path, since.segment).download_blob(offset=since.offset or None)
            return found.readall()
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            if getattr(error, "status_code", None) == 416:
                return b""
            raise translated(_SERVICE, error) from error

    def _blob(self, path: str, segment: int) -> BlobClient:
        return self._container.get_blob_client(f"{path}/{segment:06d}.jsonl")

    def _remember(self, path: str, segment: int) -> None:
        if path not in self._last and len(self._last) >= _REMEMBERED:
            self._last.clear()
        self._last[path] = segment


def _create(blob: BlobClient) -> None:
    """Unless somebody else just did, whose lines must stay."""
    try:
        blob.create_append_blob(match_condition=MatchConditions.IfMissing)
    except ResourceExistsError:
        return
