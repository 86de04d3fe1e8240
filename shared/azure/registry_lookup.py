"""Whether a registry has an image, by the OCI distribution API: one HEAD of the tag's manifest."""

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError
from azure.core.rest import HttpRequest, HttpResponse

from shared.azure.errors import translated
from shared.azure.pipelines import pipeline
from shared.azure.registry_login import RegistryLogin, origin
from shared.domain.errors import Refused

_MANIFESTS: Final = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_ROLE: Final = "Give the app's identity the role AcrPull on it, or take it out of the settings."


@dataclass(frozen=True, slots=True)
class RegistryLookup:
    """Asks one registry."""

    login: RegistryLogin

    @property
    def server(self) -> str:
        return self.login.server

    def has(self, repository: str, tag: str) -> bool:
        """Raises Refused when the registry won't say, Transient when it can't."""
        response = self._head(repository, tag, "")
        if response.status_code == 401:
            realm = self._realm(response)
            response = self._head(repository, tag, self.login.access(repository, realm))
        if response.status_code == 401:
            self.login.forget()
        if response.status_code == 404:
            return False
        self._check(response, repository)
        return True

    def _head(self, repository: str, tag: str, token: str) -> HttpResponse:
        address = f"{origin(self.server)}/v2/{repository}/manifests/{tag}"
        headers = {"Accept": _MANIFESTS} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            with pipeline(origin(self.server), backoff=self.login.backoff) as client:
                response: Any = client.send_request(HttpRequest("HEAD", address, headers=headers))
        except AzureError as error:
            raise translated(f"The registry {self.server}", error) from error
        answer: HttpResponse = response
        return answer

    def _realm(self, response: HttpResponse) -> str:
        """Where to get a token. Our identity's token is shown to the registry's own host only."""
        challenge = response.headers.get("WWW-Authenticate", "")
        said: dict[str, str] = dict(_CHALLENGE.findall(challenge))
        realm = said.get("realm", "")
        ours = urlsplit(realm).hostname == urlsplit(origin(self.server)).hostname
        if not challenge.lower().startswith("bearer ") or not ours:
            how = challenge.split(" ")[0] or "nothing"
            raise Refused(
                f"The registry {self.server} asks for {how} of another kind than Azure's: 401.",
                code="RegistryNotAzure",
                remedy="Name an Azure Container Registry, or one that can be read by anybody.",
            )
        return realm

    def _check(self, response: HttpResponse, repository: str) -> None:
        if response.status_code == 401:
            raise Refused(
                f"The registry {self.server} doesn't accept our identity (401).",
                code="RegistryUnauthorized",
                remedy=_ROLE,
            )
        if response.status_code == 403:
            raise Refused(
                f"The registry {self.server} doesn't let us read {repository} (403).",
                code="RegistryForbidden",
                remedy=f"{_ROLE} Check the registry's firewall too.",
            )
        try:
            response.raise_for_status()
        except AzureError as error:
            where = f"The registry {self.server} ({response.status_code})"
            raise translated(where, error) from error
