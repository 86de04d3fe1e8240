"""Named documents as blobs: `registry/<kind>/<name>.json`."""

import json
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobServiceClient, ContentSettings

from shared.azure.errors import translated
from shared.domain.errors import Conflict
from shared.ports.files import REGISTRY
from shared.ports.registry import Entry, Kept

_SERVICE = "Blob Storage"
_JSON = ContentSettings(content_type="application/json")


class BlobRegistry:
    """Registry. Remembers what it read by ETag: a list that changed nowhere is one call."""

    def __init__(self, service: BlobServiceClient) -> None:
        self._container = service.get_container_client(REGISTRY)
        self._known: dict[str, tuple[str, bytes]] = {}

    def put(self, kind: str, name: str, document: Mapping[str, Any]) -> bool:
        blob = self._container.get_blob_client(_path(kind, name))
        try:
            new = not blob.exists()
            body = json.dumps(document).encode()
            blob.upload_blob(body, overwrite=True, content_settings=_JSON)
        except AzureError as error:
            raise translated(_SERVICE, error) from error
        return new

    def once(self, kind: str, name: str, document: Mapping[str, Any]) -> dict[str, Any]:
        blob = self._container.get_blob_client(_path(kind, name))
        try:
            blob.upload_blob(json.dumps(document).encode(), content_settings=_JSON)
        except ResourceExistsError:
            return self.get(kind, name) or dict(document)
        except AzureError as error:
            raise translated(_SERVICE, error) from error
        return dict(document)

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        try:
            return _document(self._read(_path(kind, name))[1])
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise translated(_SERVICE, error) from error

    def load(self, kind: str, name: str) -> Kept | None:
        try:
            found = self._container.get_blob_client(_path(kind, name)).download_blob()
            return Kept(_document(found.readall()), str(found.properties.etag))
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise translated(_SERVICE, error) from error

    def save(self, kind: str, name: str, document: Mapping[str, Any], etag: str | None) -> str:
        blob = self._container.get_blob_client(_path(kind, name))
        unchanged: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        try:
            written = blob.upload_blob(
                json.dumps(document).encode(),
                overwrite=etag is not None,
                content_settings=_JSON,
                **(unchanged if etag is not None else {}),
            )
        except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError) as error:
            raise Conflict(f"{kind}/{name}") from error
        except AzureError as error:
            raise translated(_SERVICE, error) from error
        return str(written["etag"])

    def list(self, kind: str) -> Sequence[dict[str, Any]]:
        documents = []
        try:
            for blob in self._container.list_blobs(name_starts_with=f"{kind}/"):
                known = self._known.get(blob.name)
                if known is None or known[0] != _bare(blob.etag):
                    known = self._known[blob.name] = self._read(blob.name)
                documents.append(_document(known[1]))  # a new one: callers may change theirs
        except ResourceNotFoundError:
            return self.list(kind)  # one was deleted between the list and the reading
        except AzureError as error:
            raise translated(_SERVICE, error) from error
        return documents

    def entries(self, kind: str, prefix: str = "", limit: int | None = None) -> Sequence[Entry]:
        start = f"{kind}/"
        blobs = self._container.list_blobs(
            name_starts_with=start + prefix, results_per_page=min(limit or 5000, 5000)
        )
        try:
            return [
                Entry(_name(blob.name, start), blob.last_modified, _bare(blob.etag))
                for blob in islice(blobs, limit)
            ]
        except AzureError as error:
            raise translated(_SERVICE, error) from error

    def delete(self, kind: str, name: str) -> bool:
        try:
            self._container.get_blob_client(_path(kind, name)).delete_blob()
        except ResourceNotFoundError:
            return False
        except AzureError as error:
            raise translated(_SERVICE, error) from error
        return True

    def _read(self, path: str) -> tuple[str, bytes]:
        found = self._container.get_blob_client(path).download_blob()
        return _bare(found.properties.etag), found.readall()


def _path(kind: str, name: str) -> str:
    return f"{kind}/{name}.json"


def _name(path: str, prefix: str) -> str:
    return path.removeprefix(prefix).removesuffix(".json")


def _document(body: bytes) -> dict[str, Any]:
    return dict(json.loads(body))


def _bare(etag: str | None) -> str:
    """A list gives ETags without their quotes."""
    return (etag or "").strip('"')
