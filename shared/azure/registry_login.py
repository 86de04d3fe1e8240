"""How one gets into an Azure Container Registry by identity: two exchanges, both short-lived.

    Entra token ──/oauth2/exchange──▶ refresh token (3 h) ──/oauth2/token──▶ access token (75 min)

The refresh token is also what a node logs in with (user name of zeros): nodes get no identity, and
no password that outlives the day.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Final
from urllib.parse import urlsplit

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.core.rest import HttpRequest

from shared.azure.errors import translated
from shared.azure.pipelines import pipeline

SCOPE: Final = "https://containerregistry.azure.net/.default"
USER: Final = "00000000-0000-0000-0000-000000000000"
#: Shorter than they are good for, so that what is handed out lasts for a while.
_REFRESH: Final = timedelta(hours=1)
_ACCESS: Final = timedelta(minutes=45)


def origin(server: str) -> str:
    """Where the server answers; only loopback is spoken to without TLS, as docker does."""
    host = urlsplit(f"//{server}").hostname or ""
    scheme = "http" if host in ("localhost", "::1") or host.startswith("127.") else "https"
    return f"{scheme}://{server}"


@dataclass(slots=True)
class RegistryLogin:
    """Tokens of one registry, remembered until they grow old. Safe to use from several threads."""

    server: str
    credential: Callable[[], TokenCredential]
    now: Callable[[], datetime]
    backoff: float = 0.8
    _kept: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def access(self, repository: str, realm: str) -> str:
        """For pulling from the repository. realm: where the registry says tokens are to be had.

        Raises Refused, Transient.
        """
        scope = f"repository:{repository}:pull"
        form = {"grant_type": "refresh_token", "service": self.server, "scope": scope}

        def ask() -> str:
            refresh = {"refresh_token": self.refresh(realm)}
            return self._posted(realm, {**form, **refresh}, "access_token")

        return self._remembered(scope, _ACCESS, ask)

    def refresh(self, realm: str | None = None) -> str:
        """Good for 2 hours at least. Raises Refused, Transient."""
        base = (realm or f"{origin(self.server)}/oauth2/token").removesuffix("/token")

        def ask() -> str:
            entra = self.credential().get_token(SCOPE).token
            form = {"grant_type": "access_token", "service": self.server, "access_token": entra}
            return self._posted(f"{base}/exchange", form, "refresh_token")

        return self._remembered("refresh", _REFRESH, ask)

    def forget(self) -> None:
        """The registry doesn't take them: its keys or our rights have changed."""
        with self._lock:
            self._kept.clear()

    def _remembered(self, name: str, lasting: timedelta, ask: Callable[[], str]) -> str:
        now = self.now()
        with self._lock:
            known = self._kept.get(name)
        if known is not None and known[0] > now:
            return known[1]
        token = ask()  # not under the lock: `access` asks for the refresh token
        with self._lock:
            self._kept[name] = (now + lasting, token)
        return token

    def _posted(self, address: str, form: dict[str, str], field_: str) -> str:
        try:
            with pipeline(origin(self.server), backoff=self.backoff) as client:
                response = client.send_request(HttpRequest("POST", address, data=form))
                response.raise_for_status()
                return str(response.json()[field_])
        except AzureError as error:
            raise translated(f"The registry {self.server}", error) from error
