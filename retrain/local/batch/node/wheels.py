"""The pip that comes with this machine's Python, as `python -m venv` would install it."""

from __future__ import annotations

import sysconfig
from importlib.util import find_spec
from pathlib import Path


def pip_wheel() -> Path | None:
    """Its wheel; None when this Python came without one, as Debian's does without python3-venv."""
    spec = find_spec("ensurepip")
    folders = [Path(str(spec.origin)).parent / "_bundled"] if spec and spec.origin else []
    shared = sysconfig.get_config_var("WHEEL_PKG_DIR")  # where distributions keep it
    folders += [Path(shared)] if shared else []
    found = [wheel for folder in folders for wheel in folder.glob("pip-*.whl")]
    return max(found, default=None, key=lambda wheel: wheel.stat().st_mtime_ns)
