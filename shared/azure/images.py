"""Images: where environments are built.

On the local stack the image builder on loopback does it, in Azure the Container Registry
(container_registry.py); where there is neither, such an environment is refused.
"""

from typing import Any, cast

from azure.core.exceptions import AzureError
from azure.core.rest import HttpRequest, HttpResponse

from shared.azure.blob_links import BlobLinks
from shared.azure.build_contexts import LASTING, context_blob
from shared.azure.errors import translated
from shared.azure.pipelines import pipeline
from shared.domain.errors import Refused
from shared.jobs.images import Recipe
from shared.ports.files import SNAPSHOTS
from shared.ports.images import BuildSeen

_SERVICE = "The image builder"


class LoopbackImages:
    """Images, built by `retrain.local.images`; there a build's id is its key."""

    def __init__(self, endpoint: str, links: BlobLinks) -> None:
        self._client = pipeline(endpoint)
        self._images = f"{endpoint}/images"
        self._links = links

    def find(self, recipe: Recipe) -> str | None:
        answer = self._state(recipe.key)
        return str(answer["image"]) if answer and answer["state"] == "ready" else None

    def begin(self, recipe: Recipe) -> str:
        body = recipe.asking()
        if recipe.context:
            blob = context_blob(recipe.context)
            body["url"] = self._links.reading(SNAPSHOTS, blob, LASTING)
        try:
            request = HttpRequest("PUT", f"{self._images}/{recipe.key}", json=body)
            self._client.send_request(request).raise_for_status()
        except AzureError as error:
            raise translated(_SERVICE, error) from error
        return recipe.key

    def look(self, build: str) -> BuildSeen | None:
        answer = self._state(build)
        return BuildSeen(answer["state"], answer["reason"]) if answer else None

    def log(self, build: str, offset: int, limit: int) -> bytes:
        address = f"{self._images}/{build}/log?offset={offset}&limit={limit}"
        response = self._get(address)
        return response.content if response.status_code == 200 else b""

    def _state(self, key: str) -> dict[str, Any] | None:
        """None when the builder was never asked for it."""
        response = self._get(f"{self._images}/{key}")
        return cast(dict[str, Any], response.json()) if response.status_code == 200 else None

    def _get(self, address: str) -> HttpResponse:
        try:
            response: HttpResponse = self._client.send_request(HttpRequest("GET", address))
            if response.status_code != 404:
                response.raise_for_status()
        except AzureError as error:
            raise translated(_SERVICE, error) from error
        return response


class NoImages:
    """Images, where none can be built."""

    def find(self, recipe: Recipe) -> str | None:
        """Curated images are public: nobody has to build them."""
        return None if recipe.context or recipe.adds else recipe.image

    def begin(self, recipe: Recipe) -> str:
        raise Refused(
            "This environment has to be built, and no container registry is set to build it in.",
            code="ImageBuildUnavailable",
            remedy="Set RETRAIN_REGISTRY, or name an image that holds all packages in "
            "environment.image.",
        )

    def look(self, build: str) -> BuildSeen | None:
        return None

    def log(self, build: str, offset: int, limit: int) -> bytes:
        return b""
