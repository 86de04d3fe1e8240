"""Results on stdout, everything else on stderr; so that a pipe gets what it asked for."""

import json
import sys
from typing import Any


def put(text: str = "") -> None:
    """Write a line of a command's result."""
    sys.stdout.write(text + "\n")


def put_json(value: Any, *, line: bool = False) -> None:
    """Write the result for a program. line: as one line, for a stream of them."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=None if line else 2) + "\n")
    if line:
        sys.stdout.flush()


def note(text: str) -> None:
    """Tell the person at the terminal."""
    sys.stderr.write(text + "\n")
