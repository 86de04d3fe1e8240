"""With podman or docker an environment is an image: the recipe's with what the conda file adds, or
what its build context makes.

The engine gives an image its name only when every step has succeeded, so a half-made one is never
taken for a ready one. Which way packages are added, conda or pip, is decided inside the image.
"""

import asyncio
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from retrain.local.engine import Engine
from retrain.local.images.children import Children
from retrain.local.images.context_store import ContextStore
from retrain.local.images.making import BuildFailed, BuildLog
from shared.jobs.images import Recipe, context_files

_BUILD_FLAGS: Final = (
    "--add-host",
    "--cgroup-parent",
    "--dns",
    "--memory",
    "--network",
    "--ulimit",
)


def image_name(key: str) -> str:
    """The built image's name, whichever way it was made."""
    return f"retrain.local/environment:{key}"


@dataclass(frozen=True, slots=True)
class ContainerImages:
    """Images in the store of the engine of this machine."""

    data: Path
    engine: Engine
    children: Children
    seen: set[str] = field(default_factory=set)  # asking the engine takes a tenth of a second

    @property
    def mode(self) -> str:
        return f"image in {self.engine.name}"

    def image_of(self, key: str, recipe: Recipe) -> str:
        """Curated images are public, and run as they are."""
        return image_name(key) if recipe.context or recipe.adds else recipe.image

    async def holds(self, key: str, recipe: Recipe) -> bool:
        """Asks the engine once; an image removed later is missed by the task that needs it."""
        if not (recipe.context or recipe.adds):
            return True  # the node pulls it
        if key not in self.seen:
            asking = (*self.engine.command, "image", "inspect", image_name(key))
            code, _ = await self.children.output(asking)
            if code != 0:
                return False
            self.seen.add(key)
        return True

    async def make(self, key: str, recipe: Recipe, log: BuildLog) -> None:
        """Raises BuildFailed."""
        if not (recipe.context or recipe.adds):
            log.say(f"{recipe.image} is public: nothing is to be built.")
            return
        self.seen.discard(key)
        folder = self.data / "building" / key
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            await self._build(key, recipe, folder, log)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _build(self, key: str, recipe: Recipe, folder: Path, log: BuildLog) -> None:
        if recipe.context:
            contexts = ContextStore(self.data / "contexts")
            await asyncio.to_thread(contexts.unpack, recipe.context, folder)
            _check_dockerfile(folder, recipe.dockerfile)
        else:
            for name, text in context_files(recipe, _certificates()).items():
                (folder / name).write_text(text, encoding="utf-8")
        # Without this podman keeps an image of every step, of failed builds too.
        layers = ("--layers=false",) if self.engine.name == "podman" else ()
        given = [f"--build-arg={name}={value}" for name, value in recipe.args]
        options = (*layers, *_for_build(self.engine.run_options), *given)
        file = ("--file", str(folder / (recipe.dockerfile or "Dockerfile")))
        command = (*self.engine.command, "build", *options, *file)
        code = await self.children.run((*command, "--tag", image_name(key), str(folder)), log)
        if code != 0:
            raise BuildFailed(f"{self.engine.name} could not build the image", log.complaint(code))


def _check_dockerfile(folder: Path, dockerfile: str) -> None:
    path = folder / dockerfile
    if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        raise BuildFailed(
            f"The build context has no file {dockerfile}. Write its path in "
            "`build.dockerfile_path`, relative to `build.path`."
        )


def _for_build(run_options: Sequence[str]) -> list[str]:
    """Those of `run`'s flags that `build` has too, each with its value."""
    kept: list[str] = []
    value_follows = False
    for word in run_options:
        flag = word.split("=", 1)[0]
        if word.startswith("-"):
            value_follows = flag in _BUILD_FLAGS and flag == word
        if value_follows or flag in _BUILD_FLAGS:
            kept.append(word)
    return kept


def _certificates() -> str:
    """What this machine trusts, when it was told so: behind a proxy that opens TLS, an image's own
    certificates reach no registry."""
    file = os.environ.get("SSL_CERT_FILE")
    return Path(file).read_text(encoding="utf-8") if file and Path(file).is_file() else ""
