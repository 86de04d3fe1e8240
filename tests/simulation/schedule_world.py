"""Schedules under faults: files land, their events come twice, late and in any order, two instances
tick at once, processes die between any two calls. Afterwards every file was in one run, and every
time that was due was one run.
"""

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Any, Final

from shared import wire
from shared.app.manifests import Manifests
from shared.domain.errors import RetrainError
from shared.domain.run import Run
from shared.domain.status import Status
from shared.jobs import next_ticks, parse_schedule
from shared.ports.files import DATA, SNAPSHOTS
from shared.wiring import Product, built
from tests.factories import NOON, a_schedule
from tests.simulation.faults import Crash, Faults
from tests.simulation.twins.bus import Message
from tests.simulation.twins.world import Twins

#: Virtual seconds in which things happen and go wrong, and those after them.
STORM: Final = 600.0
CALM: Final = 1500.0
#: The ways in which files are gathered.
GATHERED: Final[dict[str, dict[str, Any]]] = {
    "quiet": {"quiet_period": "20s"},
    "marked": {"when": "_SUCCESS", "max_wait": "10m"},
    "enough": {"min_files": 3, "max_wait": "5m"},
}
INPUTS: Final = {"list": {"type": "uri_file", "path": "${{trigger.paths}}"}}


@dataclass
class ScheduleWorld:
    """`uploads`: the versions of each file, in order."""

    seed: int
    random: Random = field(init=False)
    uploads: dict[str, list[str]] = field(default_factory=dict)
    trace: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.twins = Twins()
        self.faults = Faults(self.random, crash=0.03, fail=0.03, stall=0.02)
        self.faults.while_stalled = self._others_go_on
        self._heap: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = count()
        self._stalled = 0
        self.accepted = NOON
        self.twins.bus.told = self._sent
        self.way = self.random.choice([*GATHERED])
        self.queued = self.random.random() < 0.3

    def run(self) -> None:
        """Raises AssertionError when a promise is broken."""
        self._plan()
        ends = NOON + timedelta(seconds=STORM)
        self._until(ends)
        self.faults.on = False
        self._until(ends + timedelta(seconds=CALM))
        self._every_file_is_in_one_run()
        self._every_time_is_one_run()
        self._nothing_is_left()

    @property
    def trigger(self) -> dict[str, Any]:
        kind: dict[str, Any] = {"type": "data", "path": ["in/**/*.csv"]}
        kind |= GATHERED[self.way]
        return kind | ({"concurrency": "queue"} if self.queued else {})

    # What happens from outside.

    def _plan(self) -> None:
        self._again("schedules", self._schedules, self._go_on)
        for instance in range(2):
            self._every(60, instance)

    def _go_on(self) -> None:
        """Once the schedules are accepted: from then on they are bound."""
        self.accepted = self.twins.clock.now
        files = self.random.randint(1, 12)
        for number in range(files):
            self._in(self.random.uniform(5, STORM / 2), partial(self._upload, f"{number % 7}"))
        if "when" in GATHERED[self.way]:
            self._in(STORM / 2 + 5, self._mark)
        self._in(self.random.uniform(5, STORM), self._replaced)

    def _schedules(self, product: Product) -> None:
        product.schedules.put(a_schedule(self.trigger, inputs=INPUTS))
        product.schedules.put(a_schedule(self.clock, "clock"))

    @property
    def clock(self) -> dict[str, Any]:
        soon = (NOON + timedelta(seconds=STORM)).isoformat()
        start = (NOON + timedelta(seconds=120)).isoformat()
        every = {"type": "recurrence", "frequency": "minute", "interval": 2, "start_time": start}
        return {**every, "end_time": soon, "catch_up": "all"}

    def _replaced(self) -> None:
        """The same triggers with another job: no file and no time is lost or doubled by that."""

        def put(product: Product) -> None:
            new = {"display_name": "new"}
            product.schedules.put(a_schedule(self.trigger, inputs=INPUTS, **new))
            product.schedules.put(a_schedule(self.clock, "clock", **new))

        self._again("replaced", put, lambda: None)

    def _upload(self, name: str) -> None:
        path = f"in/{name}/{name}.csv"
        versions = self.uploads.setdefault(path, [])
        self.twins.files.write(DATA, path, f"{name} {len(versions)}".encode())
        versions.append(self.twins.files.blobs[DATA, path][0].etag)
        self._event(path)

    def _mark(self) -> None:
        self.twins.files.write(DATA, "in/_SUCCESS", b"")
        self._event("in/_SUCCESS")

    def _event(self, path: str) -> None:
        """At least once; sometimes twice, sometimes much later."""
        for _ in range(self.random.choice((1, 1, 2))):
            late = self.random.choice((0.0, 0.1, 1.0, 30.0, 200.0))
            self._in(late, lambda: self._tell(path))

    def _tell(self, path: str) -> None:
        done = self._step(f"landed {path}", lambda product: product.file_triggers.landed(path))
        if not done:
            self._in(self.random.uniform(0, 20), lambda: self._tell(path))
        elif self.faults.on and self.random.random() < 0.1:
            self._in(self.random.uniform(0, 400), lambda: self._tell(path))

    # What the services do: runs that are asked for run for a while and end well.

    def _sent(self, message: Message) -> None:
        wait = (message.visible_at - self.twins.clock.now).total_seconds()
        self._in(wait + self.random.choice((0.0, 0.0, 3.0)), lambda: self._deliver(message))

    def _deliver(self, message: Message) -> None:
        if message not in self.twins.bus.messages:
            return
        if message.session.startswith("schedule-"):
            told = wire.decode_event(message.body)
            done = self._step(message.id, lambda product: product.inbox.handle(*told))
            if not done and self.random.random() < 0.5:
                self._in(2, lambda: self._deliver(message))  # else it is lost: the clock sees to it
                return
        self.twins.bus.messages.remove(message)

    def _runs_end(self) -> None:
        for name in [*self.twins.runs.records]:
            stored = self.twins.runs.load(name)
            if not stored.run.final and self.random.random() < 0.3:
                ended = stored.run.to(Status.QUEUED, self.twins.clock.now)
                ended = ended.to(Status.CANCELED, self.twins.clock.now)
                self.twins.runs.save(ended, stored.etag)

    # What must hold.

    def _runs(self, schedule: str) -> list[Run]:
        loaded = (self.twins.runs.load(name).run for name in sorted(self.twins.runs.records))
        return [run for run in loaded if run.source.schedule == schedule]

    def _every_file_is_in_one_run(self) -> None:
        given: Counter[tuple[str, str]] = Counter()
        for run in self._runs("wine"):
            assert run.source.manifest is not None
            manifest = run.source.manifest.partition("/paths/")[2]
            listed = self.twins.files.read(SNAPSHOTS, manifest.replace("files.json", "paths.txt"))
            versions = Manifests(self.twins.files).read(manifest.split("/")[1])
            assert listed.decode().split("\n")[:-1] == [file.path for file in versions.files]
            assert len(versions.files) == run.source.files
            given.update((file.path, file.etag) for file in versions.files)
        twice = [file for file, times in given.items() if times > 1]
        assert not twice, f"in two runs: {twice}"
        lost = [p for p, versions in self.uploads.items() if (p, versions[-1]) not in given]
        assert not lost, f"in no run: {lost}"

    def _every_time_is_one_run(self) -> None:
        trigger: Any = parse_schedule(a_schedule(self.clock, "clock")).trigger
        due = [tick for tick in next_ticks(trigger, NOON, NOON, 1000) if tick > self.accepted]
        asked = [run.created_at for run in self._runs("clock")]
        assert [at for at in asked if at > self.accepted] == due
        assert len(asked) == len({*asked})

    def _nothing_is_left(self) -> None:
        registry = self.twins.registry
        for kind in ("due", "waiting", "complete"):
            left = [entry.name for entry in registry.entries(kind)]
            assert not left, f"{kind} is left: {left}"
        window = registry.get("windows", "wine")
        assert window is None or window["closing"] is None

    # How time passes.

    def _again(self, what: str, act: Callable[[Product], object], then: Callable[[], None]) -> None:
        """As a user does: until it is accepted."""
        if self._step(what, act):
            then()
        else:
            self._in(3, lambda: self._again(what, act, then))

    def _step(self, what: str, act: Callable[[Product], object]) -> bool:
        """One invocation in a fresh process; True when it went well."""
        self._note(what)
        try:
            act(built(self.faults.around(self.twins.ports)))
        except RetrainError as error:
            self._note(f"{what}: {error}")
            return False
        except Crash as crash:
            self._note(f"{what}: died {crash}")
            return False
        return True

    def _others_go_on(self) -> None:
        if self._stalled:
            return
        self._stalled += 1
        self._note("… stalls")
        self._until(self.twins.clock.now + timedelta(seconds=self.random.choice((5, 30, 90))))
        self._note("… goes on")
        self._stalled -= 1

    def _every(self, seconds: float, instance: int) -> None:
        def fire() -> None:
            self._in(seconds, fire)
            self._runs_end()
            self._step(f"tick of {instance}", lambda product: product.timetable.tick())

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
        self.trace.append(f"{seconds:8.1f} {'  ' * self._stalled}{what}")
