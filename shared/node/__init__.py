"""Programs that travel to the node as text, and run in the job's own image.

Standard library only, of any Python from 3.7 on: the image is the user's.
"""

import re
from functools import cache
from pathlib import Path
from typing import Final

#: Folders in the task's working folder: what Batch restores, and what it is to upload at the end.
CHECKPOINTS_MARKER: Final = ".retrain"
RESTORED: Final = ".checkpoints"
LEFT: Final = ".checkpoints-left"

_PARTS: Final = ("processes", "links", "launcher")
_HERE_ONLY: Final = re.compile(
    r"^from (__future__|shared\.node\.\w+) import (\([^)]*\)|[^\n(]*)\n", re.MULTILINE
)


@cache
def saver() -> str:
    """The source of the program that runs a job's command and keeps its checkpoints."""
    return (Path(__file__).parent / "checkpoints.py").read_text(encoding="utf-8")


@cache
def launcher() -> str:
    """The source of the program that starts the processes of a distributed job, in one piece."""
    folder = Path(__file__).parent
    texts = [_HERE_ONLY.sub("", (folder / f"{part}.py").read_text()) for part in _PARTS]
    return "\n".join(["from __future__ import annotations", *texts])
