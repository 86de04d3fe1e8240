"""A small world, run from a seed: users ask, messages arrive, timers tick, attempts end, all of it
interleaved, and things go wrong on the way. After a while the faults stop, and everything must have
come to its end.
"""

import heapq
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Any, Final

from shared import wire
from shared.app.observing import MARKER
from shared.domain.errors import RetrainError
from shared.domain.events import Cause
from shared.domain.requests import TrainingRequest
from shared.domain.run import Run
from shared.ports.files import DATA, OUTPUTS
from shared.wiring import Product, built
from tests.factories import NOON, a_job, a_job_to_build, a_request, a_schedule
from tests.simulation.faults import Crash, Faults
from tests.simulation.invariants import Invariants
from tests.simulation.twins.bus import Message
from tests.simulation.twins.compute import Attempt, Ending, Fate
from tests.simulation.twins.world import Twins

#: Virtual seconds with faults, and after them.
STORM: Final = 900.0
CALM: Final = 2400.0
#: So long a lock that nobody renews holds.
LOCK: Final = 30.0
COMPUTE: Final = "cpu"
_WELL: Final[tuple[Cause, ...]] = ("none",) * 3
_BADLY: Final[tuple[Cause, ...]] = ("script", "timeout", "configuration", "infrastructure")
_BY_ITSELF: Final[tuple[Ending, ...]] = ("itself",) * 8
_ODDLY: Final[tuple[Ending, ...]] = (
    "never allocated",
    "node lost",
    "preempted",
    "job expires",
    "vanishes",
    "refused",
)


_TOLD: Final = [{"webhook": "https://there", "events": ["completed", "failed", "canceled"]}]


_WITH_DATA: Final[dict[str, Any]] = {
    "inputs": {"base": {"type": "uri_file", "path": "azureml:base@latest"}},
    "outputs": {"model": {"type": "custom_model", "name": "model"}},
}


class Simulation:
    """`accepted` are the runs that somebody was promised."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.twins = Twins()
        self.faults = Faults(self.random, while_stalled=self._others_go_on)
        self.accepted: set[str] = set()
        self.trace: list[str] = []
        self._heap: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = count()
        self._depth = 0
        self._ticks = 0
        self._outage = self.random.random() < 0.3
        self.invariants = Invariants(self.twins, self.accepted)
        self.twins.bus.told = self._sent
        self.twins.compute.born = self._born
        self.twins.compute.fate_of = self._fate
        self.twins.images.takes = timedelta(seconds=self.random.choice((0, 5, 90)))

    def run(self) -> None:
        """Raises AssertionError when an invariant is broken."""
        ends = NOON + timedelta(seconds=STORM)
        self._plan()
        self._until(ends)
        self.faults.on = False
        self._until(ends + timedelta(seconds=CALM))
        calls = self.faults.calls - self._ticks
        beginning = ("images.begin", "registry.load", "registry.save")
        mishaps = sum(self.faults.struck[call] for call in beginning)
        self.invariants.at_the_end(calls, mishaps, outage=self._outage)

    # What happens from outside.

    def _plan(self) -> None:
        for number in range(self.random.randint(1, 4)):
            self._in(self.random.uniform(0, STORM / 2), partial(self._submit, f"request-{number}"))
        self._in(0, self._schedule)
        self._in(0, self._make_compute)
        for _ in range(self.random.randint(0, 2)):
            self._in(self.random.uniform(1, STORM / 2), self._trouble_for_compute)
        for _ in range(self.random.randint(0, 3)):
            self._in(self.random.uniform(1, STORM / 2), self._upload)
        for _ in range(self.random.randint(0, 2)):
            self._in(self.random.uniform(1, STORM), self._cancel)
        if self.random.random() < 0.3:
            self.twins.webhooks.down = {"https://there"}
            self._in(self.random.uniform(0, STORM), self.twins.webhooks.down.clear)
        if self._outage:
            at = self.random.uniform(0, STORM / 2)
            self._in(at, lambda: self.faults.go_down(True))
            self._in(at + self.random.uniform(30, 200), lambda: self.faults.go_down(False))
        self._every(60, "watch", lambda product: product.watch.tick())
        self._every(60, "cron", lambda product: product.timetable.tick())

    def _submit(self, identity: str) -> None:
        """A user who asks again, under the same key, until it is accepted."""
        on_shared = a_job(compute=f"azureml:{COMPUTE}")
        told = a_job(notifications=_TOLD)
        job = self.random.choice((told, a_job(), a_job_to_build(), on_shared, on_shared))
        request = replace(a_request(identity, job), at=self.twins.clock.now)
        self._ask(request)

    def _ask(self, request: TrainingRequest) -> None:
        if self._step("submit", lambda product: product.admission.submit(request)):
            self.accepted.add(request.run)
        else:
            self._in(5, lambda: self._ask(request))

    def _make_compute(self) -> None:
        document = {"name": COMPUTE, "type": "amlcompute", "max_instances": 4}
        if not self._step("compute", lambda product: product.computes.create(document)):
            self._in(5, self._make_compute)

    def _trouble_for_compute(self) -> None:
        """Its pool is deleted behind our back; or a user deletes it, and may want it back."""
        trouble = self.random.choice(("pool", "delete", "delete", "change"))
        self._note(f"compute: {trouble}")
        if trouble == "pool":
            self.twins.compute.vanish(COMPUTE)
        elif trouble == "change":
            most = {"max_instances": self.random.randint(1, 9)}
            self._step("change", lambda product: product.computes.update(COMPUTE, most))
        else:
            self._step("delete", lambda product: product.computes.delete(COMPUTE))
            if self.random.random() < 0.5:
                self._in(self.random.uniform(0, 60), self._make_compute)

    def _schedule(self) -> None:
        soon = (NOON + timedelta(seconds=STORM / 2)).isoformat()
        hourly = {"type": "cron", "expression": "*/3 * * * *", "end_time": soon}
        self.twins.files.write(DATA, "base.csv", b"1,2\n")
        path = "azureml://datastores/workspaceblobstore/paths/base.csv"
        base = {"name": "base", "type": "uri_file", "path": path}
        self.twins.product().catalog.register("data", base)
        schedules = self.twins.product().schedules
        schedules.put(a_schedule({"type": "data", "path": "wine/*.csv"}))
        schedules.put(a_schedule(hourly, name="clock"))

    def _upload(self) -> None:
        path = f"wine/{self.random.randint(1, 2)}.csv"
        self.twins.files.write(DATA, path, bytes([self.random.randint(65, 67)]))

        def landed(product: Product) -> None:
            self.accepted.update(product.file_triggers.landed(path))

        self._tell("landed", landed)

    def _cancel(self) -> None:
        if self.accepted:
            name = self.random.choice(sorted(self.accepted))
            self._step("cancel", lambda product: product.admission.cancel(name))

    # What the services do.

    def _fate(self, key: str) -> Fate:
        pick: Callable[[float, float], float] = self.random.uniform
        ending = self.random.choice(_BY_ITSELF + _ODDLY)
        cause = self.random.choice(_WELL + _BADLY)
        return Fate(
            provisioning=pick(0, 60),
            preparing=pick(0, 20),
            running=pick(0, 120),
            cause=cause,
            ending=ending,
            leaks=self.random.random() < 0.2,
        )

    def _born(self, attempt: Attempt) -> None:
        run, number = attempt.order.run, attempt.order.key.rpartition("-")[2]
        self.twins.files.write(OUTPUTS, f"{run}/{number}/outputs/model/weights", run.encode())
        if attempt.fate.ending == "itself" and self.random.random() < 0.8:
            seconds = (attempt.over_at - self.twins.clock.now).total_seconds()
            self._in(seconds - self.random.choice((0, 2)), lambda: self._marker(attempt))

    def _marker(self, attempt: Attempt) -> None:
        if self.twins.compute.made.get(attempt.order.key) is attempt and not attempt.deleted_at:
            path = f"{attempt.order.run}/{attempt.order.key.rpartition('-')[2]}/{MARKER}"
            self.twins.files.write(OUTPUTS, path, b"")
            self._tell("ended", lambda product: product.observer.landed(path))

    def _tell(self, what: str, door: Callable[[Product], object], tries: int = 5) -> None:
        """A blob event: at least once, five tries, sometimes late or twice."""
        if not self._step(what, door) and tries > 1:
            self._in(self.random.uniform(0, 10), lambda: self._tell(what, door, tries - 1))
        elif self.random.random() < 0.1:
            self._in(self.random.uniform(0, 200), lambda: self._tell(what, door, 1))

    def _sent(self, message: Message) -> None:
        wait = (message.visible_at - self.twins.clock.now).total_seconds()
        late = self.random.choice((0.0, 0.0, 0.1, 5.0))
        self._in(wait + late, lambda: self._deliver(message.session or message.id))

    def _deliver(self, key: str) -> None:
        """What is next in the session goes to some instance; when that dies, its lock runs out."""
        message = self.twins.bus.next(key)
        if message is None:
            return
        done = self._step(f"{key} {message.id}", lambda product: _handle(product, message))
        if done is None:
            self._in(LOCK, lambda: self._settle(key, message, done=False))
        else:
            # Now and then the work is done and its completion is lost.
            lost = self.faults.on and self.random.random() < 0.02
            self._settle(key, message, done=done and not lost)

    def _settle(self, key: str, message: Message, *, done: bool) -> None:
        self.twins.bus.settle(key, message, done=done)
        self._in(0.1 if done else 2, lambda: self._deliver(key))

    # How time passes.

    def _step(self, what: str, act: Callable[[Product], object]) -> bool | None:
        """One invocation in a fresh process: True when it went well, None when the process died."""
        self._note(f"{what} …")
        try:
            act(built(self.faults.around(self.twins.ports)))
        except RetrainError as error:
            self._note(f"{what}: {error}")
            return False
        except Crash as crash:
            self._note(f"{what}: died {crash}")
            return None
        finally:
            self.invariants.after_a_step()
        return True

    def _others_go_on(self) -> None:
        """The caller is held up, for longer than its lock: others get its messages meanwhile."""
        if self._depth:
            return
        self._depth += 1
        self._note("… stalls")
        self.twins.bus.locked.clear()
        self._until(self.twins.clock.now + timedelta(seconds=LOCK * self.random.randint(1, 4)))
        self._note("… goes on")
        self._depth -= 1

    def _every(self, seconds: float, what: str, door: Callable[[Product], object]) -> None:
        def fire() -> None:
            self._in(seconds, fire)
            before = self.faults.calls
            self._step(what, door)
            self._ticks += self.faults.calls - before

        self._in(self.random.uniform(0, seconds), fire)

    def _in(self, seconds: float, act: Callable[[], None]) -> None:
        at = self.twins.clock.now + timedelta(seconds=max(0.0, seconds))
        heapq.heappush(self._heap, (at, next(self._order), act))

    def _until(self, end: datetime) -> None:
        while self._heap and self._heap[0][0] <= end:
            at, _, act = heapq.heappop(self._heap)
            self.twins.clock.now = max(at, self.twins.clock.now)
            act()
        self.twins.clock.now = max(end, self.twins.clock.now)

    def _note(self, what: str) -> None:
        seconds = (self.twins.clock.now - NOON).total_seconds()
        self.trace.append(f"{seconds:8.1f} {'  ' * self._depth}{what}")


def _handle(product: Product, message: Message) -> None:
    """What the Service Bus doors do."""
    if message.session:
        product.inbox.handle(*wire.decode_event(message.body))
    else:
        product.admission.admit(wire.decode_request(message.body))


def final_runs(simulation: Simulation) -> list[Run]:
    """The runs at the end, oldest first."""
    return [simulation.twins.runs.load(name).run for name in sorted(simulation.twins.runs.records)]
