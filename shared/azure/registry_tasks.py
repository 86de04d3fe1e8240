"""Image builds by ACR Tasks: a quick run of `docker build` inside the registry's own service.

Through ARM: scheduleRun starts one, its run is looked at until it has ended, and its log is a blob
that the run gives the address of.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.core.rest import HttpRequest, HttpResponse

from shared.azure.errors import translated
from shared.azure.pipelines import pipeline
from shared.domain.errors import Transient
from shared.ports.images import BuildSeen

ARM: Final = "https://management.azure.com"
_SCOPE: Final = f"{ARM}/.default"
_API: Final = "2019-06-01-preview"
_SERVICE: Final = "Azure Container Registry"
_SECONDS: Final = 3600  # a build that takes longer is ended by the service
_GOING: Final = frozenset({"Queued", "Started", "Running"})
#: Where a log has nothing (yet): no such blob, or no byte from that offset on.
_NOTHING: Final = frozenset({404, 416})


class RegistryTasks:
    """Builds in the registry with this ARM id, /subscriptions/…/registries/<name>."""

    def __init__(
        self,
        registry_id: str,
        credential: Callable[[], TokenCredential],
        arm: str = ARM,
        backoff: float = 0.8,
    ) -> None:
        self._registry = f"{arm}{registry_id}"
        self._credential = credential
        self._backoff = backoff
        self._secure = arm.startswith("https://")

    def schedule(self, image: str, dockerfile: str, args: Mapping[str, str], source: str) -> str:
        """Begin a build and push of `image` (repository:tag); returns the run's id.

        source: URL of a tar.gz with the context. Raises Refused, Transient.
        """
        body = {
            "type": "DockerBuildRequest",
            "imageNames": [image],
            "isPushEnabled": True,
            "isArchiveEnabled": False,
            "noCache": False,
            "dockerFilePath": dockerfile,
            "sourceLocation": source,
            "arguments": [
                {"name": name, "value": value, "isSecret": False} for name, value in args.items()
            ],
            "platform": {"os": "Linux", "architecture": "amd64"},
            "agentConfiguration": {"cpu": 2},
            "timeout": _SECONDS,
        }
        answer = self._arm("POST", "scheduleRun", body)
        run = (answer.get("properties") or {}).get("runId") or answer.get("name")
        if not run:
            raise Transient(f"{_SERVICE} accepted a build and didn't say which run it is.")
        return str(run)

    def look(self, run: str) -> BuildSeen | None:
        """None when the service has no such run (any more). Raises Transient."""
        try:
            found = self._arm("GET", f"runs/{run}")["properties"]
        except _NoSuchRun:
            return None
        status = found["status"]
        if status in _GOING:
            return BuildSeen("building")
        if status == "Succeeded":
            return BuildSeen("ready")
        said = found.get("runErrorMessage") or ""
        reason = f"ACR run {run} ended as {status}. {said}".strip()
        return BuildSeen("failed", reason, explained=False)

    def log(self, run: str, offset: int, limit: int) -> bytes:
        """Up to `limit` bytes from `offset`. Raises Transient."""
        try:
            link = self._arm("POST", f"runs/{run}/listLogSasUrl").get("logLink")
        except _NoSuchRun:
            return b""
        if not link:
            return b""
        headers = {"Range": f"bytes={offset}-{offset + limit - 1}", "x-ms-version": "2021-12-02"}
        try:
            # The address is signed: our own token must not go with it.
            with pipeline(link, backoff=self._backoff) as client:
                response: HttpResponse = client.send_request(
                    HttpRequest("GET", link, headers=headers)
                )
                if response.status_code in _NOTHING:
                    return b""
                response.raise_for_status()
                return bytes(response.content)
        except AzureError as error:
            raise translated("The build's log", error) from error

    def _arm(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        address = f"{self._registry}/{path}?api-version={_API}"
        # azure-core pops the option; it is there for canned services on loopback.
        options: dict[str, Any] = {} if self._secure else {"enforce_https": False}
        try:
            request = HttpRequest(method, address, json=body)
            response = self._client.send_request(request, **options)
            if response.status_code == 404 and path.startswith("runs/"):
                raise _NoSuchRun
            response.raise_for_status()
            return dict(response.json()) if response.content else {}
        except AzureError as error:
            raise translated(_SERVICE, error) from error

    @cached_property
    def _client(self) -> "PipelineClient[Any, Any]":
        bearer = BearerTokenCredentialPolicy(self._credential(), _SCOPE)
        return pipeline(self._registry, bearer, self._backoff)


class _NoSuchRun(Exception):
    pass
