"""Loads function_app.py as the Python worker does: by its bare name, from the app's root.

The worker has a process for itself; we do not. So what loading changes (sys.path, sys.modules, the
environment) is remembered and put back by `unload`, and a second app can be loaded afterwards.
"""

import importlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from azure.functions import FunctionRegister

from retrain.local.host.errors import AppRefused
from retrain.local.host.functions import Function, read_functions

ENTRY = "function_app"


@dataclass(frozen=True, slots=True)
class LoadedApp:
    """An app and what was there before it."""

    app: FunctionRegister
    functions: tuple[Function, ...]
    root: Path
    _modules: frozenset[str]
    _environment: Mapping[str, str | None]

    def unload(self) -> None:
        """Forget the app's modules and put the environment back as it was."""
        _restore(self.root, self._modules, self._environment)


def load_app(root: Path, environment: Mapping[str, str]) -> LoadedApp:
    """Import `root`/function_app.py with `environment` in force and read its functions.

    Raises AppRefused when there is no such file, it fails to import, or holds no single app.
    """
    if not (root / f"{ENTRY}.py").is_file():
        raise AppRefused(f"There is no {root / ENTRY}.py; the worker looks for that name only.")
    modules = frozenset(sys.modules)
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    sys.path.insert(0, str(root))
    sys.modules.pop(ENTRY, None)
    importlib.invalidate_caches()
    try:
        app = _only_app(root)
        functions = read_functions(app.get_functions(), environment)
    except ValueError as error:  # how the library itself refuses a function
        _restore(root, modules, before)
        raise AppRefused(f"{root / ENTRY}.py: {error}") from error
    except BaseException:
        _restore(root, modules, before)
        raise
    return LoadedApp(app, functions, root, modules, before)


def _only_app(root: Path) -> FunctionRegister:
    try:
        module = importlib.import_module(ENTRY)
    except Exception as error:
        raise AppRefused(f"{root / ENTRY}.py can't be imported: {error!r}") from error
    apps = [value for value in vars(module).values() if isinstance(value, FunctionRegister)]
    if len(apps) != 1:
        raise AppRefused(
            f"{root / ENTRY}.py has {len(apps)} function apps at its top level; "
            "the worker wants exactly one."
        )
    return apps[0]


def _restore(root: Path, modules: frozenset[str], environment: Mapping[str, str | None]) -> None:
    if str(root) in sys.path:
        sys.path.remove(str(root))
    for name in set(sys.modules) - modules | {ENTRY}:
        if name == ENTRY or _belongs(name, root):
            sys.modules.pop(name, None)
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _belongs(name: str, root: Path) -> bool:
    # Libraries in a virtual environment under the root are not the app's, nor are we.
    file = getattr(sys.modules[name], "__file__", None)
    if file is None or name.partition(".")[0] == __name__.partition(".")[0]:
        return False
    path = Path(file)
    return path.is_relative_to(root) and not path.is_relative_to(sys.prefix)
