"""Reloads the app when its code changes.

The operating system tells of changes; what it can't tell, the files' times do. What counts as the
app's code: function_app.py, host.json and local.settings.json in the root, and every .py file of
the packages and modules there that the app was loaded from. While it can't be loaded, any .py file
below the root may be the repair.
"""

import asyncio
import logging
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from watchfiles import Change, awatch

log = logging.getLogger(__name__)

#: Files in the root that are no code of Python's, and that an app depends on.
_ALSO: Final = ("host.json", "local.settings.json")
#: Folders nobody keeps an app's code in.
_NEVER: Final = ("__pycache__", "node_modules", "site-packages")
#: A change is told when nothing more came for so many milliseconds: editors write in steps.
_STEP, _DEBOUNCE = 200, 1600
#: So often, in milliseconds, the files' times are looked at: what changes between the app's loading
#: and the watch's beginning, the operating system tells nobody.
_LOOK: Final = 5_000
_WRITTEN: Final = Change.modified
#: After the system could not watch, in seconds.
_LONGEST_PAUSE: Final = 60.0


class Reloads(Protocol):
    """Whose code it is. `packages`: what it was loaded from; None when it could not be.

    loading_since: when its present life began to be loaded, in seconds of the epoch.
    """

    loading_since: float

    def packages(self) -> frozenset[str] | None: ...
    async def reload(self) -> None: ...


class CodeWatch:
    """Watches one root. Changes below `data` are the host's own."""

    def __init__(self, root: Path, data: Path, app: Reloads) -> None:
        self._root = root.resolve()
        self._data = data.resolve()
        self._app = app
        self._watching: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    async def start(self) -> None:
        self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        self._stop.set()
        if self._watching:
            await asyncio.gather(self._watching, return_exceptions=True)

    async def _watch(self) -> None:
        pause = 1.0
        while not self._stop.is_set():
            try:
                await self._until_elsewhere(self._folders())
                pause = 1.0
            except Exception:  # a folder that went away meanwhile, a limit of the system
                log.exception("changes of the code can't be watched; once more in %g s", pause)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def _until_elsewhere(self, folders: frozenset[Path]) -> None:
        """Reload on changes, until other folders than these are to be watched."""
        async for changes in awatch(
            *folders,
            recursive=False,
            watch_filter=self._matters,
            stop_event=self._stop,
            step=_STEP,
            debounce=_DEBOUNCE,
            rust_timeout=_LOOK,
            yield_on_timeout=True,
        ):
            if not changes and not self._missed(folders):
                continue
            for _, file in sorted(changes, key=lambda change: change[1]):
                log.info("%s has changed", file)
            await self._app.reload()
            if self._folders() != folders:
                return

    def _missed(self, folders: frozenset[Path]) -> bool:
        """Whether something that matters was written since the app began to be loaded.

        A time still to come is some other machine's; no reload would ever be after it.
        """
        files = (file for folder in folders for file in folder.iterdir())
        written = (file.stat().st_mtime for file in files if self._matters(_WRITTEN, str(file)))
        return any(self._app.loading_since < at <= time.time() for at in written)

    def _folders(self) -> frozenset[Path]:
        """The root, and all folders of what the app was loaded from."""
        packages = self._app.packages()
        found = {self._root}
        for path in self._root.iterdir():
            if path.is_dir() and (packages is None or path.name in packages):
                found.update(self._below(path))
        return frozenset(found)

    def _below(self, folder: Path) -> set[Path]:
        """The folder and those in it, hidden ones, environments and the host's own left out."""
        if (
            folder.name.startswith(".")
            or folder.name in _NEVER
            or folder == self._data
            or (folder / "pyvenv.cfg").exists()
        ):
            return set()
        return {folder}.union(*(self._below(one) for one in folder.iterdir() if one.is_dir()))

    def _matters(self, change: Change, name: str) -> bool:
        path = Path(name)
        if path.parent == self._root and path.name in _ALSO:
            return True
        packages = self._app.packages()
        if path.suffix != ".py":
            return change is Change.added and path.is_dir()
        first = path.relative_to(self._root).parts[0]
        return packages is None or first in packages or first == "function_app.py"
