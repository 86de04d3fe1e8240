"""How many cores a VM size has, told by its name: Standard_D8s_v3 has 8.

Older families count otherwise; they are a table. What no rule knows has one core.
"""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = re.compile(r"(?:STANDARD|BASIC)_(?P<family>[A-Z]+)(?P<number>\d+)", re.IGNORECASE)
_OLD: Final = re.compile(
    r"(?:STANDARD|BASIC)_(?P<family>A(?=\d+$)|D)S?(?P<number>\d+)(?:_V2)?", re.IGNORECASE
)

#: The cores of their sizes, by number.
_OLD_CORES: Final = {
    "A": dict(enumerate((1, 1, 2, 4, 8, 2, 4, 8, 8, 16, 8, 16))),
    "D": dict(enumerate((1, 2, 4, 8, 16), 1)) | dict(enumerate((2, 4, 8, 16, 20), 11)),
}


def cores(vm_size: str) -> int:
    """1 when the name tells nothing."""
    if old := _OLD.fullmatch(vm_size):
        known = _OLD_CORES[old["family"].upper()].get(int(old["number"]))
        if known is not None:
            return known
    match = _NAME.match(vm_size)
    return max(1, int(match["number"])) if match else 1
