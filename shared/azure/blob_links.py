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

from shared.azure.accounts import Accounts
from shared.azure.errors import translated

#: What Azure allows a user delegation key.
LONGEST: Final = timedelta(days=7)
_SKEW: Final = timedelta(minutes=5)


class BlobLinks:
    """Links, and the two kinds of address that a node is given."""

    def __init__(
        self,
        service: BlobServiceClient,
        key: str | None,
        now: Callable[[], datetime],
        accounts: Accounts | None = None,
    ) -> None:
        self._key, self._now = key, now
        self._accounts = accounts or Accounts(service)
        self._lock = Lock()
        self._delegations: dict[str, tuple[datetime, UserDelegationKey]] = {}

    def reading(self, container: str, path: str, lasting: timedelta, account: str = "") -> str:
        return self._blob(container, path, BlobSasPermissions(read=True), lasting, account)

    def writing(self, container: str, path: str, lasting: timedelta) -> str:
        permission = BlobSasPermissions(create=True, write=True)
        return self._blob(container, path, permission, lasting)

    def reading_folder(self, container: str, lasting: timedelta, account: str = "") -> str:
        """The container's address, good for listing and reading below it."""
        permission = ContainerSasPermissions(read=True, list=True)
        return self._container(container, permission, lasting, account)

    def dropping(self, container: str, lasting: timedelta, account: str = "") -> str:
        """The container's address, good for writing blobs and for nothing else."""
        permission = ContainerSasPermissions(create=True, write=True)
        return self._container(container, permission, lasting, account)

    def keeping(self, container: str, lasting: timedelta) -> str:
        """The container's address, good for all that can be done with the blobs in it."""
        permission = ContainerSasPermissions(
            read=True, list=True, create=True, write=True, delete=True
        )
        return self._container(container, permission, lasting)

    def _blob(
        self,
        container: str,
        path: str,
        permission: BlobSasPermissions,
        lasting: timedelta,
        account: str = "",
    ) -> str:
        service = self._accounts.service(account)
        sas = generate_blob_sas(
            str(service.account_name),
            container,
            path,
            permission=permission,
            **self._signature(service, lasting),
        )
        return f"{_root(service)}/{container}/{quote(path)}?{sas}"

    def _container(
        self,
        container: str,
        permission: ContainerSasPermissions,
        lasting: timedelta,
        account: str = "",
    ) -> str:
        service = self._accounts.service(account)
        sas = generate_container_sas(
            str(service.account_name),
            container,
            permission=permission,
            **self._signature(service, lasting),
        )
        return f"{_root(service)}/{container}?{sas}"

    def _signature(self, service: BlobServiceClient, lasting: timedelta) -> dict[str, Any]:
        now = self._now()
        ends = now + min(lasting, LONGEST - _SKEW)
        common = {"start": now - _SKEW, "expiry": ends}
        if self._key:
            return common | {"account_key": self._key}
        return common | {"user_delegation_key": self._delegation_key(service, now, ends)}

    def _delegation_key(
        self, service: BlobServiceClient, now: datetime, until: datetime
    ) -> UserDelegationKey:
        """One key of an account serves for hours: asking for it is a call to the service."""
        with self._lock:
            found = self._delegations.get(str(service.account_name))
            if found is None or found[0] < until:
                ends = now + LONGEST
                try:
                    key = service.get_user_delegation_key(now - _SKEW, ends)
                except AzureError as error:
                    raise translated("Blob Storage", error) from error
                found = self._delegations[str(service.account_name)] = (ends, key)
            return found[1]


def _root(service: BlobServiceClient) -> str:
    return str(service.url).rstrip("/")
