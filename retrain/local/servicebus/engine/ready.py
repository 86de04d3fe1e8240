"""Sequence numbers of messages that wait for a receiver, lowest first."""

import heapq


class Ready:
    """A heap whose entries can be withdrawn; withdrawn ones are passed over when they surface."""

    __slots__ = ("_heap", "_waiting")

    def __init__(self) -> None:
        self._heap: list[int] = []
        self._waiting: set[int] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, sequence_number: int) -> None:
        if sequence_number not in self._waiting:
            self._waiting.add(sequence_number)
            heapq.heappush(self._heap, sequence_number)

    def withdraw(self, sequence_number: int) -> None:
        self._waiting.discard(sequence_number)
        if not self._waiting:
            self._heap.clear()

    def pop(self) -> int:
        """Raises IndexError when nothing waits."""
        while True:
            sequence_number = heapq.heappop(self._heap)
            if sequence_number in self._waiting:
                self._waiting.remove(sequence_number)
                return sequence_number
