"""Without a container engine an environment is a uv virtual environment on this machine.

Virtual environments can't be moved, since their scripts name their folder. So one is built where it
stays, in `made/<key>`, and shown under `environments/<key>` by a link that is made last: a builder
that is killed half-way leaves no link.
"""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from retrain.local.images.children import Children
from retrain.local.images.interpreters import find_interpreter
from retrain.local.images.making import BuildFailed, BuildLog
from shared.jobs.images.recipe import Recipe
from shared.jobs.images.translation import CannotTranslate, Translation, translate


@dataclass(frozen=True, slots=True)
class VirtualEnvironments:
    """`uv` is the program's path. Packages come from where the user's own uv settings say."""

    data: Path
    uv: str
    children: Children

    @property
    def mode(self) -> str:
        return "virtual environment"

    async def holds(self, key: str) -> bool:
        # The link to the interpreter breaks when that Python is uninstalled.
        return (self._shown(key) / "bin" / "python").exists()

    async def make(self, key: str, recipe: Recipe, log: BuildLog) -> None:
        """Raises BuildFailed."""
        log.say(f"The image {recipe.image} is not used: this machine's Python takes its place.")
        try:
            wanted = translate(recipe)
        except CannotTranslate as refusal:
            log.say(str(refusal))
            raise BuildFailed(str(refusal)) from refusal
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
        self._show(key, made)

    async def _install(self, made: Path, python: str, wanted: Translation, log: BuildLog) -> None:
        made.parent.mkdir(parents=True, exist_ok=True)
        create = (self.uv, "venv", "--quiet", "--no-project", "--python", python, str(made))
        code = await self.children.run(create, log)
        if code != 0:
            raise BuildFailed(f"uv could not make a virtual environment: {log.complaint(code)}")
        requirements = made / "requirements.txt"
        requirements.write_text("\n".join(wanted.requirements) + "\n", encoding="utf-8")
        install = (self.uv, "pip", "install", "--python", str(made / "bin" / "python"))
        code = await self.children.run((*install, "--requirements", str(requirements)), log)
        if code != 0:
            raise BuildFailed(f"uv could not install the packages: {log.complaint(code)}")

    def _show(self, key: str, made: Path) -> None:
        shown = self._shown(key)
        shown.parent.mkdir(parents=True, exist_ok=True)
        draft = shown.with_name(f"{key}.new")
        draft.unlink(missing_ok=True)
        draft.symlink_to(Path("..") / made.relative_to(self.data))
        draft.replace(shown)

    def _shown(self, key: str) -> Path:
        return self.data / "environments" / key
