"""Files over azure-storage-blob."""

import base64
from collections.abc import Sequence
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContentSettings

from shared.azure.accounts import Accounts
from shared.azure.errors import translated
from shared.domain.errors import NotFound
from shared.ports.files import File

_SERVICE = "Blob Storage"


class BlobFiles:
    """Files: any blob of ours, whole or by range."""

    def __init__(self, service: BlobServiceClient, accounts: Accounts | None = None) -> None:
        self._service = service
        self._accounts = accounts or Accounts(service)

    def account(self) -> str:
        return str(self._service.account_name)

    def ensure(self, container: str, account: str = "") -> bool:
        client = self._accounts.service(account).get_container_client(container)
        try:
            if client.exists():
                return True
            if account in ("", self.account()):
                client.create_container()
                return True
        except ResourceExistsError:
            return True
        except AzureError as error:
            raise translated(_SERVICE, error) from error
        return False

    def stat(self, container: str, path: str, account: str = "") -> File | None:
        blob = self._accounts.service(account).get_blob_client(container, path)
        try:
            found = blob.get_blob_properties()
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise translated(_SERVICE, error) from error
        return _file(path, found)

    def list(self, container: str, prefix: str, account: str = "") -> Sequence[File]:
        client = self._accounts.service(account).get_container_client(container)
        blobs = client.list_blobs(name_starts_with=prefix)
        try:
            return [_file(blob.name, blob) for blob in blobs]
        except AzureError as error:
            raise translated(_SERVICE, error) from error

    def read(self, container: str, path: str, offset: int = 0, limit: int | None = None) -> bytes:
        blob = self._service.get_blob_client(container, path)
        try:
            # Without a range the whole blob is one request; with one, the SDK wants both ends.
            ranged = offset > 0 or limit is not None
            return blob.download_blob(offset if ranged else None, limit).readall()
        except ResourceNotFoundError as error:
            raise NotFound("file", path, "Look at the list of what there is.") from error
        except AzureError as error:
            if getattr(error, "status_code", None) == 416:
                return b""  # past the end
            raise translated(_SERVICE, error) from error

    def write(self, container: str, path: str, content: bytes) -> None:
        blob = self._service.get_blob_client(container, path)
        kind = ContentSettings(content_type="text/plain; charset=utf-8")
        try:
            blob.upload_blob(content, overwrite=True, content_settings=kind)
        except AzureError as error:
            raise translated(_SERVICE, error) from error


def _file(path: str, blob: Any) -> File:
    md5 = blob.content_settings.content_md5
    text = base64.b64encode(bytes(md5)).decode() if md5 else ""
    return File(path, blob.size, blob.last_modified, str(blob.etag).strip('"'), text)
