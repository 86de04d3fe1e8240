"""Which Python of this machine a virtual environment starts from. Nothing is downloaded.

uv knows where interpreters are and what `>=3.9,<3.12` means; of those that fit, the one that runs
Retrain comes first, then the newest.
"""

import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from retrain.local.images.children import Children
from retrain.local.images.making import BuildFailed


@dataclass(frozen=True, slots=True)
class Interpreter:
    version: str
    path: str


async def find_interpreter(uv: str, wanted: str, children: Children) -> Interpreter:
    """`wanted`: version specifiers, "" for any. Raises BuildFailed when none fits."""
    own = sys._base_executable or sys.executable  # type: ignore[attr-defined]
    fitting = await _list(uv, wanted, children)
    if not fitting:
        raise BuildFailed(_nothing_fits(wanted, await _list(uv, "", children)))
    for each in fitting:
        if Path(each.path).resolve() == Path(own).resolve():
            return each
    return fitting[0]


def search_path() -> str:
    """PATH with our own interpreter first, and with pyenv's, which shims hide from uv."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    folders = [f"{sys.base_prefix}/bin", *map(str, sorted(pyenv.glob("*/bin"), reverse=True))]
    return os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)])


async def _list(uv: str, wanted: str, children: Children) -> list[Interpreter]:
    """CPythons, newest first."""
    command = [uv, "python", "list", "--only-installed", "--all-versions", "--no-config"]
    searching = replace(children, changes={**children.changes, "PATH": search_path()})
    code, printed = await searching.output(
        [*command, "--output-format", "json", wanted or "cpython"]
    )
    if code != 0:
        raise BuildFailed(f"'{' '.join(command)}' ended with code {code}: is {uv} a working uv?")
    found: list[dict[str, Any]] = json.loads(printed or "[]")
    found = [
        each
        for each in found
        if each["implementation"] == "cpython" and each["variant"] == "default"
    ]
    found.sort(key=lambda each: tuple(each["version_parts"].values())[:3], reverse=True)
    return [Interpreter(each["version"], each["path"]) for each in found]


def _nothing_fits(wanted: str, there: list[Interpreter]) -> str:
    versions = list(dict.fromkeys(each.version for each in there))
    own = ".".join(map(str, sys.version_info[:2]))
    return (
        f"The conda file asks for python{wanted}, and this machine has "
        f"{', '.join(versions) or 'no Python that uv can find'}. Write `- python={own}` in the "
        "conda file, or install that Python, or podman or docker: then the image brings its own."
    )
