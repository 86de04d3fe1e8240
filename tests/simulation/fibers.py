"""A step that can be held up: it has a thread of its own, and goes on only when it is told to.

One thread runs at any moment, so a seed's world is the same each time.
"""

from _thread import start_new_thread
from collections.abc import Callable
from threading import Lock

from tests.simulation.faults import Crash


class Fiber:
    """`over` once it has ended; until then it waits, for `pause` seconds more."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.over = False
        self.pause = 0.0
        self._killed = False
        self._act = act
        self._raised: BaseException | None = None
        self._worker = _idle.pop() if _idle else _Worker()
        self._worker.fiber = self

    def go_on(self) -> None:
        """Until it stalls or ends. Raises what the step raised."""
        self._worker.go.release()
        self._worker.back.acquire()
        if self.over:
            _idle.append(self._worker)
        if self._raised is not None:
            raise self._raised

    def kill(self) -> None:
        """Its process is gone: it goes no further."""
        self._killed = True

    def stall(self, seconds: float) -> None:
        """Called from within."""
        self.pause = seconds
        self._worker.back.release()
        self._worker.go.acquire()
        if self._killed:
            raise Crash("with its process")

    def run(self) -> None:
        """In the thread."""
        try:
            self._act()
        except BaseException as raised:  # noqa: BLE001 - told to whoever waits for the step
            self._raised = raised
        self.over = True


class _Worker:
    """A thread for one fiber after the other. It ends with the process."""

    def __init__(self) -> None:
        self.fiber: Fiber | None = None
        self.go, self.back = Lock(), Lock()
        self.go.acquire()
        self.back.acquire()
        start_new_thread(self._work, ())

    def _work(self) -> None:
        while True:
            self.go.acquire()
            assert self.fiber is not None
            self.fiber.run()
            self.fiber = None
            self.back.release()


_idle: list[_Worker] = []
