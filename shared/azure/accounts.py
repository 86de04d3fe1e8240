"""Clients of storage accounts: the deployment's own, and those that datastores name.

All are entered with the deployment's identity. Where there is none but one account's key (the local
stack), there are no other accounts.
"""

from collections.abc import Callable
from threading import Lock
from urllib.parse import urlsplit

from azure.storage.blob import BlobServiceClient

from shared.domain.errors import Refused

#: Makes the client of an account, by its name and its cloud's endpoint (`core.windows.net`).
Connect = Callable[[str, str], BlobServiceClient]


class Accounts:
    """connect: of other accounts; None when there is only our own."""

    def __init__(self, own: BlobServiceClient, connect: Connect | None = None) -> None:
        self._own, self._connect = own, connect
        self._lock = Lock()
        self._others: dict[str, BlobServiceClient] = {}

    def service(self, account: str) -> BlobServiceClient:
        """account: "" or our own name is our own. Raises Refused for one we can't sign for."""
        if account in ("", self._own.account_name):
            return self._own
        if self._connect is None:
            raise Refused(
                f"The storage account '{account}' can't be entered: this deployment has the key of "
                f"its own account, '{self._own.account_name}', and no identity.",
                remedy=f"Here, use `account_name: {self._own.account_name}`; in Azure the "
                "deployment's identity is used.",
                code="UnknownAccount",
            )
        with self._lock:
            if account not in self._others:
                self._others[account] = self._connect(account, self._cloud)
            return self._others[account]

    @property
    def _cloud(self) -> str:
        """Of our own account, which an identity can't leave."""
        host = str(urlsplit(str(self._own.url)).hostname)
        return host.partition(".blob.")[2] or "core.windows.net"
