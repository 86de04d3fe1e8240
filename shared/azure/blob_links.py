"""Shared access signatures: user delegation keys in the cloud, the account's key locally."""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final
from urllib.parse import quote

from azure.core.exceptions import AzureError
from azure.storage.blob import (
    BlobSasPermissions,
    BlobServiceClient,
    ContainerSasPermissions,
    UserDelegationKey,
    generate_blob_sas,
    generate_container_sas,
)

from shared.azure.errors import translated

#: What Azure allows a user delegation key.
LONGEST: Final = timedelta(days=7)
_SKEW: Final = timedelta(minutes=5)


class BlobLinks:
    """Links, and the two kinds of address that a node is given."""

    def __init__(
        self, service: BlobServiceClient, key: str | None, now: Callable[[], datetime]
    ) -> None:
        self._service, self._key, self._now = service, key, now
        self._lock = Lock()
        self._delegation: tuple[datetime, UserDelegationKey] | None = None

    def reading(self, container: str, path: str, lasting: timedelta) -> str:
        return self._blob(container, path, BlobSasPermissions(read=True), lasting)

    def writing(self, container: str, path: str, lasting: timedelta) -> str:
        permission = BlobSasPermissions(create=True, write=True)
        return self._blob(container, path, permission, lasting)

    def reading_folder(self, container: str, lasting: timedelta) -> str:
        """The container's address, good for listing and reading below it."""
        return self._container(container, ContainerSasPermissions(read=True, list=True), lasting)

    def dropping(self, container: str, lasting: timedelta) -> str:
        """The container's address, good for writing new blobs and for nothing else."""
        return self._container(container, ContainerSasPermissions(create=True, write=True), lasting)

    def _blob(
        self, container: str, path: str, permission: BlobSasPermissions, lasting: timedelta
    ) -> str:
        sas = generate_blob_sas(
            str(self._service.account_name),
            container,
            path,
            permission=permission,
            **self._signature(lasting),
        )
        return f"{self._root}/{container}/{quote(path)}?{sas}"

    def _container(
        self, container: str, permission: ContainerSasPermissions, lasting: timedelta
    ) -> str:
        sas = generate_container_sas(
            str(self._service.account_name),
            container,
            permission=permission,
            **self._signature(lasting),
        )
        return f"{self._root}/{container}?{sas}"

    @property
    def _root(self) -> str:
        return str(self._service.url).rstrip("/")

    def _signature(self, lasting: timedelta) -> dict[str, Any]:
        now = self._now()
        ends = now + min(lasting, LONGEST - _SKEW)
        common = {"start": now - _SKEW, "expiry": ends}
        if self._key:
            return common | {"account_key": self._key}
        return common | {"user_delegation_key": self._delegation_key(now, ends)}

    def _delegation_key(self, now: datetime, until: datetime) -> UserDelegationKey:
        """One key serves for hours: asking for it is a call to the service."""
        with self._lock:
            if self._delegation is None or self._delegation[0] < until:
                ends = now + LONGEST
                try:
                    key = self._service.get_user_delegation_key(now - _SKEW, ends)
                except AzureError as error:
                    raise translated("Blob Storage", error) from error
                self._delegation = (ends, key)
            return self._delegation[1]
