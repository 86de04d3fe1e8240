"""Without a container engine an environment is a uv virtual environment on this machine.

Virtual environments can't be moved, since their scripts name their folder. So one is built where it
stays, in `made/<key>`, and shown under `environments/<key>` by a link that is made last: a builder
that is killed half-way leaves no link.
"""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from retrain.local.batch.node.own_environments import IMAGE
from retrain.local.images.children import Children
from retrain.local.images.container_images import image_name
from retrain.local.images.interpreters import find_interpreter
from retrain.local.images.making import BuildFailed, BuildLog
from shared.jobs.images import (
    CannotTranslate,
    Recipe,
    Translation,
    curated_name,
    curated_requirements,
    translate,
)


def _wanted(recipe: Recipe) -> Translation:
    """What stands for the recipe in a virtual environment. Raises CannotTranslate."""
    if recipe.context:
        raise CannotTranslate(
            "A Docker build context needs a container engine, and this stack runs without one. "
            "Install podman or docker (and start the stack without --engine none), or write the "
            "environment as an image with a conda_file."
        )
    if recipe.adds:
        return translate(recipe)
    name = curated_name(recipe.image) or recipe.image
    curated = curated_requirements(name)
    if curated.refusal:
        raise CannotTranslate(
            f"The curated environment '{name}' can't be had without a container engine: "
            f"{curated.refusal}. Install podman or docker, or write an image with a conda_file."
        )
    note = f"Curated environment {name}: Retrain's own list of its packages stands for it."
    return Translation(requirements=[*curated.requirements, "pip"], notes=[note])


@dataclass(frozen=True, slots=True)
class VirtualEnvironments:
    """`uv` is the program's path. Packages come from where the user's own uv settings say."""

    data: Path
    uv: str
    children: Children

    @property
    def mode(self) -> str:
        return "virtual environment"

    def image_of(self, key: str, recipe: Recipe) -> str:
        return image_name(key)

    async def holds(self, key: str, recipe: Recipe) -> bool:
        # The link to the interpreter breaks when that Python is uninstalled.
        return (self._shown(key) / "bin" / "python").exists()

    async def make(self, key: str, recipe: Recipe, log: BuildLog) -> None:
        """Raises BuildFailed."""
        try:
            wanted = _wanted(recipe)
        except CannotTranslate as refusal:
            log.say(str(refusal))
            raise BuildFailed(str(refusal)) from refusal
        log.say(f"The image {recipe.image} is not used: this machine's Python takes its place.")
        for note in wanted.notes:
            log.say(note)
        interpreter = await find_interpreter(self.uv, wanted.python, self.children)
        log.say(f"Python {interpreter.version} from {interpreter.path}")
        made = self.data / "made" / key
        self._shown(key).unlink(missing_ok=True)
        await asyncio.to_thread(shutil.rmtree, made, ignore_errors=True)
        try:
            await self._install(made, interpreter.path, wanted, log)
        except BuildFailed:
            await asyncio.to_thread(shutil.rmtree, made, ignore_errors=True)
            raise
        (made / IMAGE).write_text(recipe.image, encoding="utf-8")
        self._show(key, made)

    async def _install(self, made: Path, python: str, wanted: Translation, log: BuildLog) -> None:
        made.parent.mkdir(parents=True, exist_ok=True)
        create = (self.uv, "venv", "--quiet", "--no-project", "--python", python, str(made))
        code = await self.children.run(create, log)
        if code != 0:
            raise BuildFailed("uv could not make a virtual environment", log.complaint(code))
        requirements = made / "requirements.txt"
        requirements.write_text("\n".join(wanted.requirements) + "\n", encoding="utf-8")
        install = (self.uv, "pip", "install", "--python", str(made / "bin" / "python"))
        code = await self.children.run((*install, "--requirements", str(requirements)), log)
        if code != 0:
            raise BuildFailed("uv could not install the packages", log.complaint(code))

    def _show(self, key: str, made: Path) -> None:
        shown = self._shown(key)
        shown.parent.mkdir(parents=True, exist_ok=True)
        draft = shown.with_name(f"{key}.new")
        draft.unlink(missing_ok=True)
        draft.symlink_to(Path("..") / made.relative_to(self.data))
        draft.replace(shown)

    def _shown(self, key: str) -> Path:
        return self.data / "environments" / key
