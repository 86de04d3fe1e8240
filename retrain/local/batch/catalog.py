"""Things by id in the order they came, so that a list can go on where a page ended."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Protocol, TypeVar


class Numbered(Protocol):
    """`number` counts up in order of creation, and is never given twice."""

    @property
    def number(self) -> int: ...


T = TypeVar("T", bound=Numbered)


class Catalog(dict[str, T]):
    """A dict that also finds what follows a number, without a walk over what comes before.

    What is deleted leaves a gap in the order; when half of it is gaps, the order is made anew.
    """

    __slots__ = ("_numbers", "_order")

    def __init__(self) -> None:
        super().__init__()
        self._order: list[str] = []
        self._numbers: list[int] = []

    def __setitem__(self, key: str, value: T) -> None:
        """Take in something with a higher number than all before it."""
        super().__setitem__(key, value)
        self._order.append(key)
        self._numbers.append(value.number)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        if len(self._order) > 2 * len(self) + 16:
            self._order = list(self)
            self._numbers = [value.number for value in self.values()]

    def after(self, number: int) -> Iterator[T]:
        """What has a higher number, in order."""
        for place in range(bisect_right(self._numbers, number), len(self._order)):
            value = self.get(self._order[place])
            if value is not None and value.number == self._numbers[place]:
                yield value
