"""Folders of nodes and tasks below the data folder: made, emptied and removed here only."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path


def fresh(task_dir: Path) -> None:
    """A task's folder as before its first run: nothing of an earlier try is left."""
    if task_dir.exists():
        shutil.rmtree(task_dir, ignore_errors=True)
    (task_dir / "wd").mkdir(parents=True, exist_ok=True)


def make_root(root: Path) -> None:
    """The folders every node has."""
    for name in ("workitems", "shared", "startup"):
        (root / name).mkdir(parents=True, exist_ok=True)


async def wipe(root: Path) -> None:
    """A node's root as on a new machine."""
    await remove(root)
    make_root(root)


async def remove(folder: Path) -> None:
    """Remove a folder with all that is in it; absent is fine."""
    if folder.exists():
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def remove_job(nodes: Path, folder: str, present: Collection[str]) -> None:
    """Remove the job's folder from every node, and the roots of nodes that are gone."""
    roots = list(nodes.glob("*"))  # now: a root that comes later is of a node that comes later
    await asyncio.to_thread(_remove_job, roots, folder, present)


def _remove_job(roots: Iterable[Path], folder: str, present: Collection[str]) -> None:
    for root in roots:
        shutil.rmtree(root / folder, ignore_errors=True)
        with suppress(OSError):  # other jobs of the same schedule are there, or nothing was
            (root / folder).parent.rmdir()
        if root.name not in present:
            remove_if_unused(root)


def remove_if_unused(root: Path) -> None:
    """Remove a node's root unless a task still has its files there."""
    used = False
    with suppress(OSError):  # there is none, or no more
        used = any((root / "workitems").iterdir())
    if not used:
        shutil.rmtree(root, ignore_errors=True)
