"""A blob as func.InputStream: its name and length at once, its content when it is first read."""

from collections.abc import Callable, Mapping
from typing import Any

from azure.functions.blob import InputStream

from retrain.local.azurite.access_log import BlobCreated
from retrain.local.azurite.rest import BlobReader


class Blob(InputStream):
    """The worker's InputStream. `fetch` brings the content, on the reader's own thread."""

    def __init__(
        self,
        reader: BlobReader,
        event: BlobCreated,
        headers: Mapping[str, str],
        fetch: Callable[[], bytes],
    ) -> None:
        super().__init__(
            data=b"",
            name=f"{event.container}/{event.name}",
            uri=reader.url(event.container, event.name),
            length=int(headers.get("content-length", "0")),
            blob_properties=_properties(headers),
            metadata={
                name.removeprefix("x-ms-meta-"): value
                for name, value in headers.items()
                if name.startswith("x-ms-meta-")
            },
        )
        self._fetch: Callable[[], bytes] | None = fetch

    def read(self, size: int | None = -1) -> bytes:
        if self._fetch is not None:
            self._io.write(self._fetch())
            self._io.seek(0)
            self._fetch = None
        return self._io.read(-1 if size is None else size)

    read1 = read


def _properties(headers: Mapping[str, str]) -> dict[str, Any]:
    names = {
        "ContentLength": "content-length",
        "ContentType": "content-type",
        "ETag": "etag",
        "LastModified": "last-modified",
        "CreatedOn": "x-ms-creation-time",
        "ContentHash": "content-md5",
    }
    found: dict[str, Any] = {key: headers[name] for key, name in names.items() if name in headers}
    if "ContentLength" in found:
        found["ContentLength"] = int(found["ContentLength"])
    return found
