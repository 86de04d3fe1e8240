"""Process mode: the virtual environment that stands for an image, and one of its own for each run.

The image builder makes `<environments>/<key>/` for the image `retrain.local/environment:<key>`. Any
other image can't be had without a container engine: this machine's Python stands in, with pip and
nothing else, and the execution's stderr says so.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retrain.local.batch.node.failures import user_error
from retrain.local.batch.node.own_environments import (
    Base,
    make_bare,
    make_own,
    make_programs,
    marks_of,
    read_base,
)

BUILT: Final = "retrain.local/environment:"
_RUNS: Final = "runs"
_LAYOUT: Final = "1"  # of the bare environment; another one is made anew

#: Of the emulator's own environment a task sees this and no more: it may hold keys.
INHERITED: Final = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY"),
    *("NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)


@dataclass(frozen=True, slots=True)
class _Own:
    """An environment of an execution's own. marks: as it was when nobody had used it."""

    folder: Path
    base: Base
    marks: tuple[tuple[int, int], ...]

    @property
    def untouched(self) -> bool:
        return marks_of(self.folder, self.base) == self.marks != ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """variables: the whole environment of the process.  notice: what is said first of all."""

    variables: dict[str, str]
    notice: str


class Environments:
    """Virtual environments by image name, below one folder. identity: of the node among others."""

    def __init__(self, folder: Path, identity: str) -> None:
        self._folder = folder
        self._runs = folder / _RUNS / identity
        self._making = asyncio.Lock()
        self._bases: dict[Path, tuple[int, Base]] = {}
        self._taken: dict[str, _Own] = {}
        self._free: list[_Own] = []
        self._numbers = itertools.count()
        self._sweeping: asyncio.Task[None] | None = None

    async def prepare(self, key: str, image: str | None, settings: Mapping[str, str]) -> Prepared:
        """An environment for the execution of this key, with these settings, in the image's stead;
        `give_back` ends its use.

        Raises Broken when the image's environment was never built, or none can be made.
        """
        try:
            base = await self._base(image)
            own = self._taken[key] = await self._take(base)
        except OSError as error:
            raise user_error(
                "CommandLaunchFailed", "No virtual environment was made", message=str(error)
            ) from error
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        path = settings.get("PATH", inherited.get("PATH", os.defpath))
        first = (str(own.folder / "bin"), str(base.programs), path)
        activated = {"VIRTUAL_ENV": str(own.folder), "PATH": os.pathsep.join(first)}
        # Another Python of this machine, called by its own name, is not to be changed either.
        guarded = {"PIP_REQUIRE_VIRTUALENV": "1"}
        variables = inherited | guarded | dict(settings) | activated
        return Prepared(variables, _notice(image, base) if image else "")

    async def give_back(self, key: str) -> None:
        """Keep the execution's environment for another, or delete it with all it installed."""
        own = self._taken.pop(key, None)
        if own is None:
            return
        if own.untouched:
            self._free.append(own)
        else:
            await asyncio.to_thread(shutil.rmtree, own.folder, ignore_errors=True)

    def sweep(self) -> None:
        """Have what earlier lives left be deleted, while this one begins."""
        left = self._runs.with_name(f"{self._runs.name}.old-{os.getpid()}")
        with suppress(OSError):  # none left, most likely
            self._runs.rename(left)
        self._sweeping = asyncio.create_task(asyncio.to_thread(self._delete_old))

    def _delete_old(self) -> None:
        for left in self._runs.parent.glob(f"{self._runs.name}.old-*"):
            shutil.rmtree(left, ignore_errors=True)

    async def _take(self, base: Base) -> _Own:
        """One that was given back as it was, or a new one."""
        for own in self._free:
            if own.base == base:
                self._free.remove(own)
                return own
        folder = self._runs / str(next(self._numbers))
        await asyncio.to_thread(make_own, folder, base)
        return _Own(folder, base, marks_of(folder, base))

    async def _base(self, image: str | None) -> Base:
        if image is None or not image.startswith(BUILT):
            return await self._bare()
        folder = self._folder / image.removeprefix(BUILT)
        if not (folder / "bin" / "python").exists():
            raise user_error(
                "ContainerInvalidImage",
                "One or more container images specified for the task are invalid",
                image=image,
                message=f"no environment was built in {folder}; submit the job again",
            )
        return await self._read(folder)

    async def _bare(self) -> Base:
        """This machine's Python, made ready on first use, and again when it is another one."""
        python = f"{_LAYOUT} {getattr(sys, '_base_executable', sys.executable)} {sys.version}"
        folder = self._folder / f"bare-{hashlib.sha256(python.encode()).hexdigest()[:12]}"
        async with self._making:
            if not folder.exists():
                folder.parent.mkdir(parents=True, exist_ok=True)
                await asyncio.to_thread(make_bare, folder)
        return await self._read(folder)

    async def _read(self, folder: Path) -> Base:
        """The base, as it was read before unless it was made anew since."""
        made = (folder / "pyvenv.cfg").stat().st_mtime_ns
        known, base = self._bases.get(folder, (0, None))
        if base is None or known != made or not base.programs.exists():
            base = read_base(folder)
            async with self._making:
                await asyncio.to_thread(make_programs, base)
            self._bases[folder] = (made, base)
        return base


def _notice(image: str, base: Base) -> str:
    built = image.startswith(BUILT)
    named = f"image {base.image if built else image}" if base.image or not built else "the image"
    instead = f"this machine's Python {base.version}"
    instead += " with the environment's packages" if built else ", with pip and nothing else,"
    return (
        f"retrain: {named} is not used: this stack runs scripts as processes "
        "(no podman or docker).\n"
        f"retrain: {instead} takes its place; what the script installs is gone when it ends.\n"
    )
