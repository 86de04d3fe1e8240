"""Parts over block blobs: blocks are put to signed addresses, and committed by us."""

import base64
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import quote

from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.blob import BlobBlock, BlobServiceClient, ContentSettings

from shared.azure.blob_links import BlobLinks
from shared.azure.errors import error_code, translated
from shared.domain.errors import NotFound

_SERVICE = "Blob Storage"


class BlobParts:
    """Parts."""

    def __init__(self, service: BlobServiceClient, links: BlobLinks) -> None:
        self._service, self._links = service, links

    def put(self, container: str, path: str, content: bytes, content_type: str) -> None:
        blob = self._service.get_blob_client(container, path)
        kind = ContentSettings(content_type=content_type)
        try:
            blob.upload_blob(content, overwrite=True, content_settings=kind)
        except AzureError as error:
            raise translated(_SERVICE, error) from error

    def address(self, container: str, path: str, part: str, lasting: timedelta) -> str:
        # The SDK encodes a block's id when it commits; what is put by hand has to be the same.
        identity = quote(base64.b64encode(part.encode()).decode(), safe="")
        return f"{self._links.writing(container, path, lasting)}&comp=block&blockid={identity}"

    def join(self, container: str, path: str, parts: Sequence[str], content_type: str) -> None:
        blob = self._service.get_blob_client(container, path)
        kind = ContentSettings(content_type=content_type)
        try:
            blob.commit_block_list([BlobBlock(part) for part in parts], content_settings=kind)
        except HttpResponseError as error:
            if error_code(error) in ("InvalidBlockList", "BlobNotFound", "InvalidBlockId"):
                raise NotFound("part", path, "Upload the file again, all of it.") from error
            raise translated(_SERVICE, error) from error
        except AzureError as error:
            raise translated(_SERVICE, error) from error
