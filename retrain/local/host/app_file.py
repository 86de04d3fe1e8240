"""Loads function_app.py as the Python worker does: by its bare name, from the app's root.

The worker has a process for itself; we do not. So what loading changes (sys.path, sys.modules, the
environment) is remembered and put back by `unload`, and an app can be loaded afterwards, whole and
anew: this one again, after its code has changed, or another.
"""

import importlib
import linecache
import logging
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from azure.functions import Blueprint, FunctionRegister

from retrain.local.host.errors import AppRefused
from retrain.local.host.functions import Function, read_functions

log = logging.getLogger(__name__)

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

    def packages(self) -> frozenset[str]:
        """The files and folders below the root, by name, that the app's code was loaded from."""
        mine = _modules_of(self.root).items()
        return frozenset(
            _place_in(self.root, module) for name, module in mine if name not in self._modules
        )


def load_app(root: Path, environment: Mapping[str, str], *, cached: bool = True) -> LoadedApp:
    """Import `root`/function_app.py with `environment` in force and read its functions.

    cached: False keeps Python from writing compiled files, which it tells apart by whole seconds.
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
        with _writing_bytecode(cached):
            module = _imported(root)
        app = _only_app(root, module)
        functions = read_functions(app.get_functions(), environment)
        _warn_of_blueprints(root, app)
    except ValueError as error:  # how the library itself refuses a function
        _restore(root, modules, before)
        raise AppRefused(f"{root / ENTRY}.py: {error}") from error
    except BaseException:
        _restore(root, modules, before)
        raise
    return LoadedApp(app, functions, root, modules, before)


def forget_app(root: Path, packages: frozenset[str]) -> None:
    """Forget these packages of the app's, even when they were imported before the app was.

    For a reload: the stack itself may have imported some of the app's code. We stay, always.
    """
    linecache.checkcache()
    for name, module in _modules_of(root).items():
        if _place_in(root, module) in packages:
            sys.modules.pop(name, None)


@contextmanager
def _writing_bytecode(allowed: bool) -> Iterator[None]:
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = before or not allowed
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _imported(root: Path) -> ModuleType:
    try:
        return importlib.import_module(ENTRY)
    except (Exception, SystemExit) as error:
        raise AppRefused(
            f"{root / ENTRY}.py can't be imported: {error!r}{_place(error, root)}{_advice(error)}"
        ) from error


def _advice(error: BaseException) -> str:
    if not isinstance(error, ModuleNotFoundError):
        return ""
    return ". Install it where this host runs (pip install -r requirements.txt), if it isn't yours."


def _place(error: BaseException, root: Path) -> str:
    """Where in the app's own code it happened, when that is known."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}:{error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    mine = [one for one in frames if Path(one.filename).is_relative_to(root)]
    return f" ({mine[-1].filename}:{mine[-1].lineno})" if mine else ""


def _only_app(root: Path, module: ModuleType) -> FunctionRegister:
    apps = [value for value in vars(module).values() if isinstance(value, FunctionRegister)]
    if len(apps) != 1:
        raise AppRefused(
            f"{root / ENTRY}.py has {len(apps)} function apps at its top level; "
            "the worker wants exactly one."
        )
    return apps[0]


def _warn_of_blueprints(root: Path, app: FunctionRegister) -> None:
    """The worker says nothing of a blueprint that nobody registers: its functions are not there."""
    registered = {id(one) for one in app._function_builders}
    for name, module in _modules_of(root).items():
        for variable, value in vars(module).items():
            if not isinstance(value, Blueprint):
                continue
            left = [one for one in value._function_builders if id(one) not in registered]
            if left:
                log.warning(
                    "The blueprint '%s' of %s has %s functions and is not registered: they do not "
                    "exist. Say app.register_functions(%s).",
                    *(variable, name, len(left), variable),
                )


def _restore(root: Path, modules: frozenset[str], environment: Mapping[str, str | None]) -> None:
    if str(root) in sys.path:
        sys.path.remove(str(root))
    for name in _modules_of(root):
        if name == ENTRY or name not in modules:
            sys.modules.pop(name, None)
    sys.modules.pop(ENTRY, None)
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _modules_of(root: Path) -> dict[str, ModuleType]:
    loaded = list(sys.modules.items())
    return {name: module for name, module in loaded if _belongs(name, module, root)}


def _belongs(name: str, module: ModuleType, root: Path) -> bool:
    # Libraries in a virtual environment under the root are not the app's, nor are we.
    file = _file(module)
    if file is None or name.partition(".")[0] in ("__main__", __name__.partition(".")[0]):
        return False
    path = Path(file)
    inside = path.is_relative_to(root) and not path.is_relative_to(sys.prefix)
    return inside and "site-packages" not in path.parts


def _place_in(root: Path, module: ModuleType) -> str:
    return Path(_file(module) or "").relative_to(root).parts[0]


def _file(module: ModuleType) -> str | None:
    """Where it lies: its file, or the first folder of a package that has no `__init__.py`."""
    file: str | None = getattr(module, "__file__", None)
    return file or next((str(one) for one in getattr(module, "__path__", ())), None)
