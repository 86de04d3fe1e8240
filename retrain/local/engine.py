"""The container engine of this machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Engine:
    """How to call podman or docker here: the command with its global flags, and `run`'s flags."""

    command: tuple[str, ...]
    name: str
    run_options: tuple[str, ...] = ()
