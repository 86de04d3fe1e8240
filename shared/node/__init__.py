"""Programs that travel to the node as text, and run in the job's own image.

Standard library only, of any Python from 3.7 on: the image is the user's.
"""

import re
from functools import cache
from pathlib import Path
from typing import Final

_PARTS: Final = ("processes", "links", "launcher")
_HERE_ONLY: Final = re.compile(
    r"^from (__future__|shared\.node\.\w+) import (\([^)]*\)|[^\n(]*)\n", re.MULTILINE
)


@cache
def launcher() -> str:
    """The source of the program that starts the processes of a distributed job, in one piece."""
    folder = Path(__file__).parent
    texts = [_HERE_ONLY.sub("", (folder / f"{part}.py").read_text()) for part in _PARTS]
    return "\n".join(["from __future__ import annotations", *texts])
