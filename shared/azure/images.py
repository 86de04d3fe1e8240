"""Images: where environments are built.

On the local stack the image builder on loopback does it. In Azure that will be Container Registry
and its build tasks; until then such an environment is refused there, with what to do instead.
"""

from collections.abc import Mapping
from typing import Any, Literal, cast

from azure.core import PipelineClient
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import RetryPolicy
from azure.core.rest import HttpRequest

from shared.azure.errors import RETRIES, translated
from shared.domain.errors import Refused
from shared.ports.images import ImageState

_SERVICE = "The image builder"


class LoopbackImages:
    """Images, built by `retrain.local.images`."""

    def __init__(self, endpoint: str) -> None:
        self._client: PipelineClient[Any, Any] = PipelineClient(
            endpoint, retry_policy=RetryPolicy(retry_total=RETRIES)
        )
        self._images = f"{endpoint}/images"

    def ensure(self, key: str, image: str, conda: Mapping[str, Any], *, afresh: bool) -> ImageState:
        recipe = {"image": image, "conda": dict(conda)}
        try:
            response = self._client.send_request(HttpRequest("GET", f"{self._images}/{key}"))
            failed = response.status_code == 200 and response.json()["state"] == "failed"
            if response.status_code == 404 or (failed and afresh):
                response = self._client.send_request(
                    HttpRequest("PUT", f"{self._images}/{key}", json=recipe)
                )
            response.raise_for_status()
            return _state(response.json())
        except AzureError as error:
            raise translated(_SERVICE, error) from error


class NoImages:
    """Images, where none can be built."""

    def ensure(self, key: str, image: str, conda: Mapping[str, Any], *, afresh: bool) -> ImageState:
        raise Refused(
            "Environments with a conda_file can't be built in Azure yet.",
            code="ImageBuildUnavailable",
            remedy="Give environment.image an image that holds all packages, without conda_file.",
        )


def _state(answer: dict[str, Any]) -> ImageState:
    state = cast(Literal["building", "ready", "failed"], answer["state"])
    return ImageState(state, answer["image"], answer.get("reason", ""), answer.get("log_tail", ""))
