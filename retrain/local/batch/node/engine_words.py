"""What a container engine says when it could not start the task's program.

The engine's exit code shares its numbers with the task's own (125 to 127, or 1 for the init that
runs in the container), so the words on stderr decide.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from retrain.local.batch.node.failures import Broken, user_error

NO_CONTAINER: Final = 125
TAIL_BYTES: Final = 4096
SUSPECT: Final = (1, 125, 126, 127)
#: How the complaint of podman's and docker's init, and of an OCI runtime, is known.
INITS: Final = ("ERROR (catatonit", "[FATAL tini")
RUNTIMES: Final = ("OCI runtime", "OCI permission", "unable to start container process")
MISSING: Final = ("No such file", "not found", "no such file")


def not_started(code: int, stderr: Path, program: str, *, made: bool) -> Broken | None:
    """The failure when the exit code is the engine's; None when it is the task's own.

    made: whether the engine had made a container.
    """
    if code not in SUSPECT:
        return None
    said = last_line(_tail(stderr))
    if code == NO_CONTAINER and not made:
        message = "At least one value of specified task container settings is invalid"
        return user_error("ContainerInvalidSettings", message, message=said)
    if not said.startswith(INITS) and not any(words in said for words in RUNTIMES):
        return None
    if any(words in said for words in MISSING):
        message = "The specified command program is not found"
        return user_error("CommandProgramNotFound", message, program=program, message=said)
    message = "The command could not be launched"
    return user_error("CommandLaunchFailed", message, program=program, message=said)


def invalid_image(image: str, said: str) -> Broken:
    """The failure of an image that is not here and can't be pulled."""
    message = "One or more container images specified for the task are invalid"
    return user_error(
        "ContainerInvalidImage", f"{message}: {image}", image=image, message=last_line(said)
    )


def last_line(said: str) -> str:
    """The verdict: engines report their tries first, and the error last."""
    lines = [line for line in said.splitlines() if not line.startswith("See '")]
    errors = [line for line in lines if line.startswith("Error")]
    return (errors or lines or [""])[-1].strip()


def _tail(file: Path) -> str:
    with file.open("rb") as source:
        source.seek(max(0, source.seek(0, os.SEEK_END) - TAIL_BYTES))
        return source.read().decode(errors="replace")
