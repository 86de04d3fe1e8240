"""Where a world is played: virtual time, instances whose steps interleave, messages and timers.

Steps are begun off one heap, in the order of virtual time. One that stalls is left where it is and
goes on later, after whatever the others did meanwhile.
"""

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Final, Literal

from shared.domain.errors import RetrainError
from shared.wiring import Product
from tests.factories import NOON
from tests.simulation.faults import RATE, Crash, Faults, Step
from tests.simulation.fibers import Fiber
from tests.simulation.instances import Instance
from tests.simulation.luck import Luck
from tests.simulation.trace import Trace
from tests.simulation.twins.bus import Message
from tests.simulation.twins.world import Twins

Outcome = Literal["done", "failed", "died"]
#: So many seconds a lock that nobody renews holds.
LOCK: Final = 30.0
INSTANCES: Final = 3
#: Seconds by which an instance's clock may be wrong, either way.
SKEW: Final = 30.0
#: Of a world that settles: a tenth of it.
MOST_STEPS: Final = 5000


@dataclass(eq=False)
class Play:
    """A step under way. act: what it does.  then: what follows from how it went."""

    step: Step
    instance: Instance
    act: Callable[[Instance], object]
    then: Callable[[Outcome], None]
    fiber: Fiber | None = None


class Stage:
    """only: the mishaps that may come about, by name; None is any."""

    def __init__(self, seed: int, only: frozenset[str] | None = None, *, rate: float = RATE):
        self.luck = Luck(seed, only)
        self.twins = Twins()
        self.faults = Faults(self.luck, rate)
        self.trace = Trace()
        self.luck.noted = self.trace.mishap
        self.now = 0.0
        self.playing: Play | None = None
        self.timers = 0  # of what is on the heap
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._labels: Counter[str] = Counter()
        self._steps = 0
        self._stalled: list[Play] = []
        self.instances = [Instance(n, self.twins, self.faults) for n in range(INSTANCES)]
        for instance in self.instances:
            what = f"instance {instance.number}: its clock is off"
            if self.luck.happens(what, 0.5):
                instance.skew = timedelta(seconds=self.luck.between(f"{what} by", -SKEW, SKEW))
        self.twins.bus.told = self._sent

    # One step.

    def play(
        self,
        what: str,
        act: Callable[[Instance], object],
        then: Callable[[Outcome], None] = lambda outcome: None,
        *,
        tick: bool = False,
    ) -> None:
        """One invocation in one of the instances; `then` is told how it went, once it is over."""
        self._labels[what] += 1
        self._steps += 1
        assert self._steps < MOST_STEPS, f"goes on for ever: {what}"
        label = what if self._labels[what] == 1 else f"{what} #{self._labels[what]}"
        chosen = self.luck.one_of(f"{label}: by whom", self.instances)
        play = Play(self.faults.begin(label, tick=tick), chosen, act, then)
        self.trace.begins(self.now, chosen.number, label)
        if play.step.pauses:
            play.fiber = Fiber(partial(self._in_fiber, play))
            play.step.pause = play.fiber.stall
            self._go_on(play)
        else:
            self.playing = play
            self._over(play, self._outcome(play, lambda: act(chosen)))

    def _in_fiber(self, play: Play) -> None:
        play.act(play.instance)

    def _go_on(self, play: Play) -> None:
        fiber = play.fiber
        assert fiber is not None
        self.playing, self.faults.step = play, play.step
        outcome = self._outcome(play, fiber.go_on)
        if fiber.over:
            self._over(play, outcome)
            return
        self.playing = None
        self._stalled.append(play)
        self.trace.note(f"stalls for {fiber.pause:.0f} s")
        self.after(fiber.pause, lambda: self._wake(play))

    def _wake(self, play: Play) -> None:
        if play in self._stalled:
            self._stalled.remove(play)
            self.trace.begins(self.now, play.instance.number, f"{play.step.label} goes on")
            self._go_on(play)

    def _outcome(self, play: Play, act: Callable[[], object]) -> Outcome:
        try:
            act()
        except RetrainError as error:
            self.trace.note(f"raises: {error}")
            return "failed"
        except Crash as crash:
            self.trace.note(f"dies {crash}")
            return "died"
        return "done"

    def _over(self, play: Play, outcome: Outcome) -> None:
        self.playing = None
        self.stepped(play, outcome)
        if outcome == "died":
            self.restart(play.instance)
        play.then(outcome)

    def stepped(self, play: Play, outcome: Outcome) -> None:
        """A step is over."""

    def restart(self, instance: Instance) -> None:
        """The process is gone, with all that it had under way; there is a new one at once."""
        instance.restart()
        for play in [one for one in self._stalled if one.instance is instance]:
            assert play.fiber is not None
            play.fiber.kill()
            self._wake(play)

    # Messages.

    def _sent(self, message: Message) -> None:
        if self.playing is not None:
            self.playing.instance.sends(message)
        wait = (message.visible_at - self.twins.clock.now).total_seconds()
        late = 0.0
        if self.luck.happens(f"{message.id} is late", 0.2):
            late = self.luck.between(f"{message.id} is late by", 0, 10)
        self.after(wait + late, lambda: self.deliver(message.session or message.id))

    def deliver(self, key: str) -> None:
        """What is next in the session goes to some instance; when that dies, its lock runs out."""
        bus = self.twins.bus
        message = bus.next(key)
        if message is None:
            return
        lock = message.lock
        runs_out = partial(self._settle, key, message, lock, done=False, wait=0)

        def settle(outcome: Outcome) -> None:
            if outcome == "died":
                return
            done = outcome == "done"
            if done and self.luck.happens(f"{message.id}: completion {lock} is lost", 0.02):
                return
            self._settle(key, message, lock, done=done, wait=0.1 if done else 2)

        self.after(LOCK, lambda: runs_out() if bus.locks.get(key) == lock else None)
        self.play(message.id, lambda instance: instance.handle(message), settle)

    def handled(self, message: Message) -> None:
        """A message is done with."""

    def _settle(self, key: str, message: Message, lock: int, *, done: bool, wait: float) -> None:
        if not self.twins.bus.settle(key, message, done=done, lock=lock):
            self.trace.note("its lock was lost")
            return
        if done:
            self.handled(message)
        if not done or any(one.session == key for one in self.twins.bus.messages):
            self.after(wait, lambda: self.deliver(key))

    # Time.

    def every(self, seconds: float, what: str, door: Callable[[Product], object]) -> None:
        """A timer: it fires in one of the instances, and now and then in two."""

        def fire() -> None:
            self.after(seconds, fire, timer=True)
            number = round(self.now)
            self.play(f"{what} at {number}", lambda one: door(one.product), tick=True)
            if self.luck.happens(f"{what} at {number} fires twice", 0.05):
                self.play(f"{what} at {number}, too", lambda one: door(one.product), tick=True)

        self.after(self.luck.between(f"{what} begins", 0, seconds), fire, timer=True)

    def after(self, seconds: float, act: Callable[[], None], *, timer: bool = False) -> None:
        if timer:
            self.timers += 1
            act = partial(self._fire, act)
        heapq.heappush(self._heap, (self.now + max(0.0, seconds), next(self._order), act))

    def _fire(self, act: Callable[[], None]) -> None:
        self.timers -= 1
        act()

    @property
    def idle(self) -> bool:
        """Nothing will happen but the timers."""
        return len(self._heap) == self.timers

    def until(self, end: float, settled: Callable[[], bool] = lambda: False) -> None:
        """Let time pass, up to the end or until all is settled."""
        heap, clock = self._heap, self.twins.clock
        while heap and heap[0][0] <= end:
            if len(heap) == self.timers and settled():
                return
            self.now, _, act = heapq.heappop(heap)
            clock.now = NOON + timedelta(seconds=self.now)
            act()
        self.now = max(end, self.now)
        clock.now = NOON + timedelta(seconds=self.now)

    def abandon(self) -> None:
        """End the threads of what is under way."""
        while self._stalled:
            self.restart(self._stalled[0].instance)
