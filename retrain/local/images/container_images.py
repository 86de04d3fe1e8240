"""With podman or docker an environment is an image: the recipe's, plus what the conda file adds.

The engine gives an image its name only when every step has succeeded, so a half-made one is never
taken for a ready one. Which way packages are added, conda or pip, is decided inside the image.
"""

import asyncio
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from retrain.local.engine import Engine
from retrain.local.images.children import Children
from retrain.local.images.making import BuildFailed, BuildLog
from shared.jobs.images.recipe import Recipe
from shared.jobs.images.translation import CannotTranslate, Translation, translate

_BUILD_FLAGS: Final = (
    "--add-host",
    "--cgroup-parent",
    "--dns",
    "--memory",
    "--network",
    "--ulimit",
)
_INSTALL: Final = Path(__file__).with_name("install.sh")


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

    async def holds(self, key: str) -> bool:
        """Asks the engine once; an image removed later is missed by the task that needs it."""
        if key not in self.seen:
            asking = (*self.engine.command, "image", "inspect", image_name(key))
            code, _ = await self.children.output(asking)
            if code != 0:
                return False
            self.seen.add(key)
        return True

    async def make(self, key: str, recipe: Recipe, log: BuildLog) -> None:
        """Raises BuildFailed."""
        self.seen.discard(key)
        context = self.data / "contexts" / key
        await asyncio.to_thread(shutil.rmtree, context, ignore_errors=True)
        context.mkdir(parents=True)
        _write_context(context, recipe)
        # Without this podman keeps an image of every step, of failed builds too.
        layers = ("--layers=false",) if self.engine.name == "podman" else ()
        options = (*layers, *_for_build(self.engine.run_options))
        command = (*self.engine.command, "build", *options)
        code = await self.children.run((*command, "--tag", image_name(key), str(context)), log)
        await asyncio.to_thread(shutil.rmtree, context, ignore_errors=True)
        if code != 0:
            raise BuildFailed(
                f"{self.engine.name} could not build the image: {log.complaint(code)}"
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


def _write_context(context: Path, recipe: Recipe) -> None:
    refusals = ""
    try:
        wanted = translate(recipe)
    except CannotTranslate as refusal:  # conda, if the image has it, may still know better
        wanted, refusals = Translation(), str(refusal)
    files = {
        "environment.yml": json.dumps(recipe.conda_file(), indent=2),  # JSON is YAML
        "requirements.txt": "".join(f"{line}\n" for line in wanted.requirements),
        "python.txt": wanted.python,
        "refusals.txt": f"{refusals}\n" if refusals else "",
        "certificates.pem": _certificates(),
        "install.sh": _INSTALL.read_text(encoding="utf-8"),
        "Dockerfile": f"FROM {recipe.image}\n"
        "COPY . /opt/retrain/\n"
        "RUN /bin/sh /opt/retrain/install.sh\n"
        "ENV PATH=/opt/retrain/environment/bin:$PATH\n",
    }
    for name, text in files.items():
        (context / name).write_text(text, encoding="utf-8")


def _certificates() -> str:
    """What this machine trusts, when it was told so: behind a proxy that opens TLS, an image's own
    certificates reach no registry."""
    file = os.environ.get("SSL_CERT_FILE")
    return Path(file).read_text(encoding="utf-8") if file and Path(file).is_file() else ""
