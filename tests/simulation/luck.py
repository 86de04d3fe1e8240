"""What a seed decides, each decision under a name of its own.

A decision depends on nothing but the seed and its name, never on how many came before it: taking
one mishap away leaves all the others where they were. That is what makes a failing seed small.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final, TypeVar

_Option = TypeVar("_Option")
_BYTES: Final = 6
_WHOLE: Final = float(1 << 8 * _BYTES)


class Luck:
    """`taken` are the mishaps that came about, in order; `only` those that may (None: any).

    calm: from now on there are none.
    """

    def __init__(self, seed: int, only: frozenset[str] | None = None) -> None:
        self.seed = seed
        self.only = only
        self.taken: dict[str, None] = {}
        self.calm = False
        self.noted: Callable[[str], None] = lambda what: None
        self._salt = f"{seed} ".encode()

    def share(self, what: str) -> float:
        """0 <= x < 1, evenly."""
        found = blake2b(self._salt + what.encode(), digest_size=_BYTES).digest()
        return int.from_bytes(found) / _WHOLE

    def shares(self, what: str, count: int) -> list[float]:
        """Several at the price of one; 10 at most."""
        found = blake2b(self._salt + what.encode(), digest_size=_BYTES * count).digest()
        return [
            int.from_bytes(found[at : at + _BYTES]) / _WHOLE
            for at in range(0, _BYTES * count, _BYTES)
        ]

    def between(self, what: str, low: float, high: float) -> float:
        return low + (high - low) * self.share(what)

    def one_of(self, what: str, options: Sequence[_Option]) -> _Option:
        return options[int(self.share(what) * len(options))]

    def happens(self, what: str, rate: float) -> bool:
        """Whether the mishap does, at a rate of 0..1."""
        return not self.calm and self.share(what) < rate and self.take(what)

    def allows(self, what: str) -> bool:
        return self.only is None or what in self.only

    def take(self, what: str) -> bool:
        """Let it come about, if it may."""
        if not self.allows(what):
            return False
        self.taken[what] = None
        self.noted(what)
        return True
