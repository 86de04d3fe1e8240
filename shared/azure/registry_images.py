"""Images in Azure Container Registry: looked up there and in shared registries, built by ACR Tasks.

An image's tag is the key of its environment, so that it is found by whoever needs the same; shared
registries are those of other workspaces, whose images are used where they lie.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from azure.batch.models import ContainerRegistryReference

from shared.azure.build_contexts import LASTING, context_blob, packed
from shared.azure.registry_login import USER
from shared.azure.registry_lookup import RegistryLookup
from shared.azure.registry_tasks import RegistryTasks
from shared.domain.errors import Refused
from shared.jobs.images import Recipe, context_files
from shared.ports.files import SNAPSHOTS, Files, Links
from shared.ports.images import BuildSeen

REPOSITORY: Final = "retrain/environment"


@dataclass(frozen=True, slots=True)
class RegistryImages:
    """Images. own: the workspace's registry.  shared: others, asked after it, in this order."""

    own: RegistryLookup
    shared: Sequence[RegistryLookup]
    tasks: RegistryTasks
    files: Files
    links: Links

    def find(self, recipe: Recipe) -> str | None:
        if not (recipe.context or recipe.adds):
            return recipe.image  # curated images are public
        for registry in (self.own, *self.shared):
            if registry.has(REPOSITORY, recipe.key):
                return f"{registry.server}/{REPOSITORY}:{recipe.key}"
        return None

    def begin(self, recipe: Recipe) -> str:
        digest = recipe.context or self._sent(recipe)
        source = self.links.reading(SNAPSHOTS, context_blob(digest), LASTING)
        dockerfile = recipe.dockerfile or "Dockerfile"
        image = f"{REPOSITORY}:{recipe.key}"
        return self.tasks.schedule(image, dockerfile, dict(recipe.args), source)

    def look(self, build: str) -> BuildSeen | None:
        return self.tasks.look(build)

    def log(self, build: str, offset: int, limit: int) -> bytes:
        return self.tasks.log(build, offset, limit)

    def login(self, image: str) -> ContainerRegistryReference | None:
        """What a node logs in with to pull the image; None for those of other registries."""
        server = image.partition("/")[0]
        for registry in (self.own, *self.shared):
            if registry.server == server:
                return ContainerRegistryReference(
                    username=USER, password=registry.login.refresh(), registry_server=server
                )
        return None

    def _sent(self, recipe: Recipe) -> str:
        """Have the Docker steps of a conda file where the build service can fetch them."""
        digest, content = packed(context_files(recipe))
        if self.files.stat(SNAPSHOTS, context_blob(digest)) is None:
            self.files.write(SNAPSHOTS, context_blob(digest), content)
        return digest


_REGISTRY_ID = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.ContainerRegistry"
    r"/registries/(?P<name>[A-Za-z0-9]{5,50})",
    re.IGNORECASE,
)


def login_server(registry_id: str) -> str:
    """The registry's address, from its ARM id. Raises Refused when it is none."""
    match = _REGISTRY_ID.fullmatch(registry_id)
    if match is None:
        raise Refused(
            f"RETRAIN_REGISTRY is no container registry's ARM id: '{registry_id[:200]}'.",
            code="BadSetting",
            remedy="Set what `az acr show --name <name> --query id` prints, "
            "/subscriptions/…/providers/Microsoft.ContainerRegistry/registries/<name>.",
        )
    return f"{match['name'].lower()}.azurecr.io"


Login = Callable[[str], ContainerRegistryReference | None]


def no_login(image: str) -> None:
    """Where there is no registry of ours."""
