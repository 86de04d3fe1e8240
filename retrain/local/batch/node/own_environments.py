"""Process mode: a virtual environment for each execution, so that what it installs is its own.

It is a handful of links in front of a base that many share: its interpreter is the base's, it sees
the base's packages through a .pth file, and it calls the base's programs by copies that run with
whichever python is first in PATH. What pip installs comes into the execution's own folder, and in
front; what the base has is never changed. One that nobody has changed can serve again, which its
links and folders tell by their times.

    <own>/bin/python → the interpreter     <own>/lib/python3.x/site-packages/base.pth → the base
    PATH: <own>/bin, <base>/programs, …
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retrain.local.batch.node.wheels import pip_wheel

PROGRAMS: Final = "programs"
#: A file in an environment that the image builder made: the image it stands for.
IMAGE: Final = ".image"
_SEE_BASE: Final = "base.pth"
_LINKS: Final = ("python", "python3")
#: Not among a base's programs: they are for the base itself.
_OF_THE_BASE: Final = re.compile(r"(python|activate|deactivate|Activate)")
_PIP: Final = re.compile(r"pip(\d[\d.]*)?")
#: The two forms of a first line that names an environment's python: the second is for long paths.
_SHEBANG: Final = re.compile(rb"\A#!\S*/bin/python[\d.]*\r?\n")
_POLYGLOT: Final = re.compile(rb"\A(#!/bin/sh\r?\n'''exec' )(?:\"[^\"\n]*\"|\S+)( )")
_CALL_PIP: Final = '#!/bin/sh\nexec python -m pip "$@"\n'
_NO_PIP: Final = """\
#!/bin/sh
echo "There is no pip here, as this machine's Python has none to give (its package is ensurepip, or
python3-venv). Name the job's packages in environment.conda_file." >&2
exit 1
"""


@dataclass(frozen=True, slots=True)
class Base:
    """A virtual environment that others stand in front of. home: the folder of its interpreter.

    packages: below `folder`, lib/python3.x/site-packages.  image: what it was made for, if known.
    """

    folder: Path
    interpreter: str
    home: str
    version: str
    packages: Path
    image: str = ""

    @property
    def programs(self) -> Path:
        return self.folder / PROGRAMS


def read_base(folder: Path) -> Base:
    """The environment that somebody made there. Raises OSError when it is none."""
    folder = folder.resolve()
    lines = (folder / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    parts = (line.partition("=") for line in lines)
    told = {name.strip(): value.strip() for name, _, value in parts}
    packages = next(folder.glob("lib/python*/site-packages"), None)
    if packages is None:
        raise FileNotFoundError(f"{folder} has no site-packages")
    image = ""
    with suppress(FileNotFoundError):
        image = (folder / IMAGE).read_text(encoding="utf-8").strip()
    return Base(
        folder,
        os.path.realpath(folder / "bin" / "python"),
        told.get("home", ""),
        told.get("version_info") or told.get("version", ""),
        packages.relative_to(folder),
        image,
    )


def make_own(folder: Path, base: Base) -> None:
    """Put an empty environment in front of the base, in the place of what was there."""
    shutil.rmtree(folder, ignore_errors=True)
    _lay_out(folder, base)
    see_base = f"import site; site.addsitedir({str(base.folder / base.packages)!r})\n"
    (folder / base.packages / _SEE_BASE).write_text(see_base, encoding="utf-8")


def marks_of(folder: Path, base: Base) -> tuple[tuple[int, int], ...]:
    """What tells whether anything of an environment was touched: a change of a file's content or of
    a folder's entries changes its ctime, which no script can set. () when a part is missing."""
    names = (*_LINKS, base.packages.parent.name)
    parts = [folder, *(folder / part for part in (*base.packages.parents, base.packages))]
    parts += [folder / "bin", *(folder / "bin" / name for name in names)]
    parts += [folder / "lib64", folder / "pyvenv.cfg", folder / base.packages / _SEE_BASE]
    try:
        told = [part.lstat() for part in parts]
    except OSError:
        return ()
    return tuple((one.st_ino, one.st_ctime_ns) for one in told)


def make_bare(folder: Path) -> None:
    """A base of this machine's Python, with pip and nothing else; it is there whole or not at all.

    Raises OSError.
    """
    draft = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    python = getattr(sys, "_base_executable", sys.executable)
    version = sysconfig.get_python_version()
    packages = Path("lib") / f"python{version}" / "site-packages"
    home = str(Path(python).parent)
    full = ".".join(str(part) for part in sys.version_info[:3])
    _lay_out(draft, Base(draft, os.path.realpath(python), home, full, packages))
    programs = draft / PROGRAMS
    programs.mkdir()
    wheel = pip_wheel()
    if wheel is not None:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(draft / packages)
    for name in ("pip", "pip3", f"pip{version}"):
        _write_program(programs / name, (_CALL_PIP if wheel else _NO_PIP).encode())
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def make_programs(base: Base) -> None:
    """Have the folder of programs be there, of a base that somebody else made."""
    if base.programs.exists():
        return
    draft = base.folder / f"{PROGRAMS}.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    for file in (base.folder / "bin").iterdir():
        if not _OF_THE_BASE.match(file.name):
            _add_program(draft / file.name, file)
    draft.rename(base.programs)


def _add_program(place: Path, file: Path) -> None:
    if _PIP.fullmatch(file.name):
        _write_program(place, _CALL_PIP.encode())
        return
    content = file.read_bytes() if file.is_file() else b""
    changed = _SHEBANG.sub(b"#!/usr/bin/env python\n", content)
    changed = _POLYGLOT.sub(rb"\1python\2", changed)
    if changed == content:
        place.symlink_to(file)
    else:
        _write_program(place, changed)


def _write_program(place: Path, content: bytes) -> None:
    place.write_bytes(content)
    place.chmod(0o755)


def _lay_out(folder: Path, base: Base) -> None:
    (folder / base.packages).mkdir(parents=True)
    (folder / "lib64").symlink_to("lib")  # as venv has it, for Pythons that look there
    programs = folder / "bin"
    programs.mkdir()
    for name in (*_LINKS, base.packages.parent.name):
        (programs / name).symlink_to(base.interpreter)
    (folder / "pyvenv.cfg").write_text(
        f"home = {base.home}\ninclude-system-site-packages = false\nversion = {base.version}\n",
        encoding="utf-8",
    )
