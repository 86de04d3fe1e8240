"""Schedules under faults: files land, their events come twice, late and in any order, two instances
tick at once, processes die between any two calls. Afterwards every file was in one run, and every
time that was due was one run.
"""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, Final

from shared.app.manifests import Manifests
from shared.domain.run import Run
from shared.domain.status import Status
from shared.jobs import next_ticks, parse_schedule
from shared.ports.files import DATA, SNAPSHOTS
from shared.wiring import Product
from tests.factories import NOON, a_schedule
from tests.simulation.stage import SKEW, Outcome, Stage
from tests.simulation.twins.bus import Message

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


class ScheduleWorld(Stage):
    """`uploads`: the versions of each file, in order.

    only: the mishaps that may come about, by name; None is any.
    """

    def __init__(self, seed: int, only: frozenset[str] | None = None) -> None:
        super().__init__(seed, only, rate=0.1)
        self.uploads: dict[str, list[str]] = {}
        self.accepted = NOON
        self.way = self.luck.one_of("files are gathered", [*GATHERED])
        self.queued = self.luck.happens("runs queue", 0.3)

    def run(self) -> None:
        """Raises AssertionError when a promise is broken."""
        try:
            self._plan()
            self.until(STORM)
            self.luck.calm = True
            self.until(STORM + CALM)
            self._every_file_is_in_one_run()
            self._every_time_is_one_run()
            self._nothing_is_left()
        finally:
            self.abandon()

    @property
    def trigger(self) -> dict[str, Any]:
        kind: dict[str, Any] = {"type": "data", "path": ["in/**/*.csv"]}
        kind |= GATHERED[self.way]
        return kind | ({"concurrency": "queue"} if self.queued else {})

    # What happens from outside.

    def _plan(self) -> None:
        self._again("schedules", self._schedules, self._bound)
        for number in range(2):
            self.every(60, f"tick of timer {number}", lambda product: product.timetable.tick())
        self.every(60, "runs end", lambda product: self._runs_end())

    def _bound(self) -> None:
        """Once the schedules are accepted: from then on they are bound."""
        self.accepted = self.twins.clock.now
        luck = self.luck
        for number in range(12):
            if number == 0 or luck.happens(f"upload {number}", 0.5):
                at = luck.between(f"upload {number}: when", 5, STORM / 2)
                self.after(at, partial(self._upload, number))
        if "when" in GATHERED[self.way]:
            self.after(STORM / 2 + 5, self._mark)
        if luck.happens("the schedules are replaced", 0.9):
            self.after(luck.between("replaced: when", 5, STORM), self._replaced)

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

    def _upload(self, number: int) -> None:
        name = f"{number % 7}"
        path = f"in/{name}/{name}.csv"
        versions = self.uploads.setdefault(path, [])
        self.twins.files.write(DATA, path, f"{name} {len(versions)}".encode())
        versions.append(self.twins.files.blobs[DATA, path][0].etag)
        self._event(path, f"upload {number}")

    def _mark(self) -> None:
        self.twins.files.write(DATA, "in/_SUCCESS", b"")
        self._event("in/_SUCCESS", "mark")

    def _event(self, path: str, what: str) -> None:
        """At least once; sometimes twice, sometimes much later."""
        self._tell(path, what)
        if self.luck.happens(f"{what} is told later, too", 0.5):
            late = self.luck.one_of(f"{what}: late", (0.1, 1.0, 30.0, 200.0))
            self.after(late, lambda: self._tell(path, f"{what} late"))

    def _tell(self, path: str, what: str) -> None:
        def then(outcome: Outcome) -> None:
            if outcome != "done":
                wait = self.luck.between(f"{what}: again at {self.now:.1f}", 0, 20)
                self.after(wait, lambda: self._tell(path, what))
            elif self.luck.happens(f"{what}: once more", 0.1):
                wait = self.luck.between(f"{what}: more", 0, 400)
                self.after(wait, lambda: self._tell(path, f"{what} again"))

        self.play(what, lambda one: one.product.file_triggers.landed(path), then)

    # What the services do: runs that are asked for run for a while and end well.

    def deliver(self, key: str) -> None:
        for message in [one for one in self.twins.bus.messages if key in (one.session, one.id)]:
            if message.visible_at <= self.twins.clock.now:
                self._delivered(message)

    def _delivered(self, message: Message) -> None:
        def then(outcome: Outcome) -> None:
            # It may be lost for good: the clock sees to it.
            lost = self.luck.happens(f"{message.id} is lost at {self.now:.1f}", 0.5)
            if outcome != "done" and not lost:
                self.after(2, lambda: self._delivered(message))
            elif message in self.twins.bus.messages:
                self.twins.bus.messages.remove(message)

        if message.session.startswith("schedule-"):
            self.play(message.id, lambda one: one.handle(message), then)
        else:
            self.twins.bus.messages.remove(message)

    def _runs_end(self) -> None:
        for name in [*self.twins.runs.records]:
            stored = self.twins.runs.load(name)
            ends = self.luck.share(f"{name} ends at {self.now:.0f}") < 0.3
            if not stored.run.final and ends:
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
            assert run.source.manifest is not None, f"no manifest: {run.name}"
            manifest = run.source.manifest.partition("/paths/")[2]
            listed = self.twins.files.read(SNAPSHOTS, manifest.replace("files.json", "paths.txt"))
            versions = Manifests(self.twins.files).read(manifest.split("/")[1])
            paths = [file.path for file in versions.files]
            assert listed.decode().split("\n")[:-1] == paths, f"two lists differ: {run.name}"
            assert len(paths) == run.source.files, f"its files are counted wrongly: {run.name}"
            given.update((file.path, file.etag) for file in versions.files)
        twice = [file for file, times in given.items() if times > 1]
        assert not twice, f"in two runs: {twice}"
        lost = [p for p, versions in self.uploads.items() if (p, versions[-1]) not in given]
        assert not lost, f"in no run: {lost}"

    def _every_time_is_one_run(self) -> None:
        trigger: Any = parse_schedule(a_schedule(self.clock, "clock")).trigger
        # By whose clock it was accepted nobody knows here.
        bound = self.accepted + timedelta(seconds=SKEW)
        due = [tick for tick in next_ticks(trigger, NOON, NOON, 1000) if tick > bound]
        asked = [run.created_at for run in self._runs("clock")]
        missed = {*due} - {*asked}
        assert not missed, f"no run of: {missed}"
        assert len(asked) == len({*asked}), f"two runs of one time: {asked}"
        strange = {*asked} - {*next_ticks(trigger, NOON, NOON, 1000)}
        assert not strange, f"runs of no time: {strange}"

    def _nothing_is_left(self) -> None:
        registry = self.twins.registry
        for kind in ("due", "waiting", "complete"):
            left = [entry.name for entry in registry.entries(kind)]
            assert not left, f"{kind} is left: {left}"
        window = registry.get("windows", "wine")
        assert window is None or window["closing"] is None, "a window is still being closed"

    # How users ask.

    def _again(self, what: str, act: Callable[[Product], object], then: Callable[[], None]) -> None:
        """As a user does: until it is accepted."""

        def told(outcome: Outcome) -> None:
            if outcome == "done":
                then()
            else:
                self.after(3, lambda: self._again(what, act, then))

        self.play(what, lambda one: act(one.product), told)
