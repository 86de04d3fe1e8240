"""Process mode: the virtual environment that stands for an image.

The image builder makes `<environments>/<key>/` for the image `retrain.local/environment:<key>`. Any
other image can't be had without a container engine: a bare virtual environment stands in, and the
log says so.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from retrain.local.batch.node.failures import user_error
from retrain.local.batch.node.service_log import ServiceLog

BUILT: Final = "retrain.local/environment:"
DEFAULT: Final = "default"
WHOLE: Final = ".whole"

#: Of the emulator's own environment a task sees this and no more: it may hold keys.
INHERITED: Final = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY"),
    *("NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)


class Environments:
    """Virtual environments by image name, below one folder."""

    def __init__(self, folder: Path, log: ServiceLog) -> None:
        self._folder = folder
        self._log = log
        self._making = asyncio.Lock()

    async def variables(self, image: str | None, settings: Mapping[str, str]) -> dict[str, str]:
        """The whole environment of a process that runs with these settings in the image's stead.

        Raises Broken when the image's environment was never built.
        """
        folder = await self._of(image)
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        path = settings.get("PATH", inherited.get("PATH", os.defpath))
        activated = {"VIRTUAL_ENV": str(folder), "PATH": f"{folder / 'bin'}{os.pathsep}{path}"}
        return inherited | dict(settings) | activated

    async def _of(self, image: str | None) -> Path:
        if image is not None and image.startswith(BUILT):
            folder = self._folder / image.removeprefix(BUILT)
            if not (folder / "bin" / "python").exists():
                raise user_error(
                    "ContainerInvalidImage",
                    "One or more container images specified for the task are invalid",
                    image=image,
                    message=f"no environment was built in {folder}; submit the job again",
                )
            return folder
        if image is not None:
            self._log.say_once(
                f"image {image} is not used because no container engine was found; its tasks run "
                f"as processes with {sys.executable}'s standard library"
            )
        return await self._default()

    async def _default(self) -> Path:
        """The bare environment, made on first use; a file in it says that it is whole."""
        folder = self._folder / DEFAULT
        async with self._making:
            if not (folder / WHOLE).exists():
                await self._make(folder)
        return folder

    async def _make(self, folder: Path) -> None:
        making = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-m", "venv", "--without-pip", str(folder)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await making.communicate()
        if making.returncode:
            words = said.decode(errors="replace").strip()
            raise user_error(
                "CommandLaunchFailed", "No virtual environment was made", message=words
            )
        (folder / WHOLE).touch()
