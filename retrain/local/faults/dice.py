"""Chance that can be repeated: each throw is a hash of the seed, the rule's name and a number.

No generator is kept, so what one rule is thrown does not depend on which others threw before it,
and the n-th throw of a rule is the same in every run.
"""

import hashlib
from typing import Final

_BYTES: Final = 7  # 56 bits: more than a float's 53 would be lost
_SIDES: Final = 1 << (8 * _BYTES)


def throw(seed: int, rule: str, number: int, what: str = "strike") -> float:
    """A number from 0 to 1, 1 excluded. what: the question, so that two have two answers."""
    question = f"{seed}\0{rule}\0{number}\0{what}".encode()
    digest = hashlib.sha256(question).digest()
    # The quotient of the largest would round up to 1.0 without the shift.
    return (int.from_bytes(digest[:_BYTES], "big") >> 3) / (_SIDES >> 3)
