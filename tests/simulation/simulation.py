"""A small world, run from a seed: users ask, messages arrive, timers tick, attempts end, all of it
interleaved in several instances, and things go wrong on the way. After a while the faults stop, and
everything must have come to its end.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

from shared.app.observing import MARKER
from shared.domain.events import Cause
from shared.domain.keys import split_attempt_key
from shared.domain.requests import TrainingRequest
from shared.domain.run import Run
from shared.jobs import CommandJob
from shared.ports.bus import QUEUES
from shared.ports.files import DATA, OUTPUTS
from shared.wiring import Product
from tests.factories import NOON, a_job, a_job_to_build, a_request, a_schedule
from tests.simulation.deploys import DEPLOYS
from tests.simulation.instances import Instance
from tests.simulation.invariants import Invariants
from tests.simulation.stage import Outcome, Play, Stage
from tests.simulation.twins.attempts import DELETING, Attempt, Ending, Fate
from tests.simulation.twins.bus import Message

#: Virtual seconds with faults, and after them, at most.
STORM: Final = 900.0
CALM: Final = 2400.0
COMPUTE: Final = "cpu"
WATCH: Final = 60.0

_BADLY: Final[tuple[Cause, ...]] = ("script", "timeout", "configuration", "infrastructure")
_ODDLY: Final[tuple[Ending, ...]] = (
    "never allocated",
    "node lost",
    "preempted",
    "job expires",
    "vanishes",
    "refused",
)
_OUTAGES: Final[dict[str, frozenset[str]]] = {
    "Batch": frozenset(("compute", "inventory", "pools", "live_logs")),
    "Service Bus": frozenset(("bus",)),
    "Blob Storage": frozenset(("runs", "files", "registry", "ledger")),
}
_OUTAGES["everything"] = frozenset().union(*_OUTAGES.values())
_URL: Final = "https://there"
_TOLD: Final = [{"webhook": _URL, "events": ["completed", "failed", "canceled"]}]
_MODEL: Final[dict[str, Any]] = {"model": {"type": "custom_model", "name": "model"}}
_DATA: Final[dict[str, Any]] = {"base": {"type": "uri_file", "path": "azureml:base@latest"}}
#: What jobs want beside an image and a script.
JOBS: Final[dict[str, CommandJob]] = {
    "to tell of its end": a_job(notifications=_TOLD),
    "an image built": a_job_to_build(),
    "nodes of a compute": a_job(compute=f"azureml:{COMPUTE}"),
    "its model registered": a_job(outputs=_MODEL),
    "a minute and a half": a_job(limits={"timeout": 90}),
    "one attempt": a_job(retry={"max_attempts": 1}),
    "whatever fails tried again, soon": a_job(
        limits={"timeout": 60},
        retry={
            "max_attempts": 5,
            "on": ["infrastructure", "timeout", "script"],
            "backoff": {"initial": 0, "factor": 2, "max": 60},
        },
    ),
    "one exit code tried again": a_job(retry={"max_attempts": 4, "on": [], "exit_codes": [75]}),
    "data, and its model registered": a_job(inputs=_DATA, outputs=_MODEL, notifications=_TOLD),
}
_PLAIN: Final = a_job()
_RESUBMIT: Final = "resubmit what was given up"
_NAME: Final = 27  # characters of a run's name, with which its messages' ids begin
_UPLOADED: Final = 2.0  # seconds before its end a task uploads what it leaves


class Simulation(Stage):
    """A seed's world. only: the mishaps that may come about, by name; None is any."""

    #: Virtual seconds without faults, at most.
    calm: float = CALM

    def __init__(self, seed: int, only: frozenset[str] | None = None) -> None:
        super().__init__(seed, only)
        self.invariants = Invariants(self.twins, self.trace)
        self.accepted = self.invariants.accepted
        self._given_up = False
        self.twins.runs.written = self._written
        self.twins.compute.born = self._born
        self.twins.compute.fate_of = self._fate
        if self.luck.happens("images take long to build", 0.5):
            takes = self.luck.one_of("images take", (5, 90))
            self.twins.images.takes = timedelta(seconds=takes)

    def run(self) -> None:
        """Raises AssertionError when an invariant is broken."""
        try:
            self.plan()
            self.until(STORM, self._settled)
            self.luck.calm = True
            self.faults.down = frozenset()
            self._resubmit()
            self.until(self.now + self.calm, self._settled)
            # What is settled stays so.
            self.until(self.now + 2 * WATCH)
            beginning = ("images.begin", "registry.load", "registry.save")
            begun = sum(self.faults.struck[call] for call in beginning)
            self.invariants.at_the_end(begun, given_up=self._given_up)
        finally:
            self.abandon()

    def _settled(self) -> bool:
        compute, runs = self.twins.compute, self.twins.runs
        return (
            not self.twins.bus.messages
            and not compute.attempts()
            and all(pool.compute for pool in compute.pools())
            and all(run.status.final for run in runs.list())
            and not list(self.twins.registry.entries("due"))
        )

    # What happens from outside.

    def plan(self) -> None:
        luck = self.luck
        self._at("request-0", 0, STORM / 2, self.submit)
        for number, rate in enumerate((0.7, 0.5, 0.3), 1):
            self.perhaps(f"request-{number}", rate, STORM / 2, self.submit)
        if luck.happens("there is data, and schedules", 0.7):
            self._schedule()
        if luck.happens("there is a compute", 0.7):
            self._make_compute(0)
            for number in range(2):
                self.perhaps(f"compute-{number}", 0.4, STORM / 2, self._trouble_for_compute)
        for number in range(2):
            self.perhaps(f"cancel-{number}", 0.4, STORM, self._cancel_one)
        self.perhaps("drain", 0.08, STORM / 2, self.drain)
        self._plan_outages()
        if luck.happens("a deploy", 0.25):
            self._deploy()
        self.every(WATCH, "watch", lambda product: product.watch.tick())
        self.every(60, "cron", lambda product: product.timetable.tick())

    def _plan_outages(self) -> None:
        if self.luck.happens("nobody can be told", 0.3):
            self.twins.webhooks.down = {_URL}
            back = self.luck.between("told again", 0, STORM)
            self.after(back, self.twins.webhooks.down.clear)
        for what in _OUTAGES:
            self.perhaps(f"outage of {what}", 0.08, STORM / 2, self._outage)

    def perhaps(self, what: str, rate: float, until: float, act: Callable[[str], None]) -> None:
        if self.luck.happens(what, rate):
            self._at(what, 1, until, act)

    def _at(self, what: str, since: float, until: float, act: Callable[[str], None]) -> None:
        at = self.luck.between(f"{what}: when", since, until)
        self.after(at - self.now, lambda: act(what))

    def submit(self, what: str) -> None:
        """A user who asks again, under the same key, until it is accepted."""
        job = _PLAIN
        if self.luck.happens(f"{what}: wants more", 0.8):
            data = bool(self.twins.registry.list("data/base"))
            wants = self.luck.one_of(f"{what}: wants", [*JOBS] if data else [*JOBS][:-1])
            job = JOBS[wants]
            self.trace.happens(self.now, f"{what} is for a job that wants {wants}")
        request = replace(a_request(what, job), at=self.twins.clock.now)
        self._ask(what, request)

    def _ask(self, what: str, request: TrainingRequest) -> None:
        def then(outcome: Outcome) -> None:
            if outcome == "done":
                self.accepted.add(request.run)
            else:
                self.after(5, lambda: self._ask(what, request))

        self.play(what, lambda one: one.product.admission.submit(request), then)

    def _make_compute(self, tries: int) -> None:
        document = {"name": COMPUTE, "type": "amlcompute", "max_instances": 4}

        def then(outcome: Outcome) -> None:
            if outcome != "done":
                self.after(5, lambda: self._make_compute(tries + 1))

        self.play("make the compute", lambda one: one.product.computes.create(document), then)

    def _trouble_for_compute(self, what: str) -> None:
        """Its pool is deleted behind our back; or a user deletes it, and may want it back."""
        trouble = self.luck.one_of(f"{what}: trouble", ("pool", "delete", "delete", "change"))
        if trouble == "pool":
            self.trace.happens(self.now, "somebody deletes the compute's pool")
            self.twins.compute.vanish(COMPUTE)
        elif trouble == "change":
            most = {"max_instances": 1 + int(9 * self.luck.share(f"{what}: most"))}
            self.play(what, lambda one: one.product.computes.update(COMPUTE, most))
        else:
            self.play(f"{what}: delete", lambda one: one.product.computes.delete(COMPUTE))
            if self.luck.happens(f"{what}: wanted back", 0.5):
                self.after(
                    self.luck.between(f"{what}: back", 0, 60), partial(self._make_compute, 0)
                )

    def _schedule(self) -> None:
        soon = (NOON + timedelta(seconds=STORM / 2)).isoformat()
        often = {"type": "cron", "expression": "*/3 * * * *", "end_time": soon}
        self.twins.files.write(DATA, "base.csv", b"1,2\n")
        path = "azureml://datastores/workspaceblobstore/paths/base.csv"
        product = self.twins.product()
        product.catalog.register("data", {"name": "base", "type": "uri_file", "path": path})
        product.schedules.put(a_schedule({"type": "data", "path": "wine/*.csv"}, outputs=_MODEL))
        product.schedules.put(a_schedule(often, name="clock", inputs=_DATA))
        for number in range(3):
            self.perhaps(f"upload-{number}", 0.5, STORM / 2, self._upload)

    def _upload(self, what: str) -> None:
        path = f"wine/{self.luck.one_of(f'{what}: which', (1, 2))}.csv"
        self.twins.files.write(DATA, path, self.luck.one_of(f"{what}: content", (b"A", b"B", b"C")))

        def landed(product: Product) -> None:
            self.accepted.update(product.file_triggers.landed(path))

        self._tell(f"{what} lands", landed)

    def _cancel_one(self, what: str) -> None:
        if self.accepted:
            self._cancel(what, self.luck.one_of(f"{what}: whom", sorted(self.accepted)))

    def _cancel(self, what: str, name: str) -> None:
        self.play(f"{what}: cancel {name}", lambda one: one.product.admission.cancel(name))

    def drain(self, what: str) -> None:
        """All compute is held and emptied, and given free again; whoever asks for it insists."""

        def insist(word: str, act: Callable[[Product], object], then: Callable[[], None]) -> None:
            again = partial(insist, word, act, then)

            def told(outcome: Outcome) -> None:
                if outcome == "done":
                    then()
                else:
                    self.after(5, again)

            self.play(word, lambda one: act(one.product), told)

        def resume() -> None:
            insist("resume", lambda product: product.draining.resume(), lambda: None)

        lasts = self.luck.between("the drain lasts", 20, 300)
        insist(what, lambda one: one.draining.drain("somebody"), lambda: self.after(lasts, resume))

    def _resubmit(self) -> None:
        """An operator sends all again that was given up."""

        def again(product: Product) -> None:
            for letter in product.dead_letters.list(QUEUES, 100):
                product.dead_letters.resubmit(letter.letter.queue, letter.letter.number)

        if self.twins.bus.dead:
            self.play(_RESUBMIT, lambda one: again(one.product))

    def _outage(self, what: str) -> None:
        self._given_up = True

        def over() -> None:
            self.trace.happens(self.now, f"{what} is over")
            self.faults.down = frozenset()

        self.trace.happens(self.now, what)
        self.faults.down = _OUTAGES[what.removeprefix("outage of ")]
        self.after(self.luck.between(f"{what} lasts", 30, 200), over)

    def _deploy(self) -> None:
        """One instance after the other becomes the newer version; before it all are older."""
        deploy = self.luck.one_of("a deploy: how", DEPLOYS)
        self._given_up = True
        self.trace.happens(self.now, f"a deploy: {deploy}")
        begins = self.luck.between("a deploy: when", 60, STORM / 2)
        newer: set[str] = set()
        for instance in self.instances:
            instance.deploy, instance.old, instance.newer = deploy, True, newer
            self.after(begins + 30 * instance.number, partial(self._renew, instance))

    def _renew(self, instance: Instance) -> None:
        self.trace.happens(self.now, f"instance {instance.number} has the newer version")
        instance.old = False
        self.restart(instance)

    # What the services do.

    def _fate(self, key: str) -> Fate:
        luck = self.luck
        cause: Cause = "none"
        ending: Ending = "itself"
        if luck.happens(f"{key} ends badly", 0.3):
            cause = luck.one_of(f"{key} ends badly by", _BADLY)
        if luck.happens(f"{key} ends oddly", 0.35):
            ending = luck.one_of(f"{key} ends oddly by", _ODDLY)
        if luck.happens(f"{key}: its uploads fail", 0.05):
            cause = "configuration"
        run, _ = split_attempt_key(key) or ("", 0)
        limited = self.twins.runs.load(run).run.job.limits.timeout is not None
        hangs = limited and luck.happens(f"{key} hangs", 0.4)
        slow = luck.happens(f"{key}: its deletion is slow", 0.3)
        provisioning, preparing, running = luck.shares(f"{key}: how long", 3)
        return Fate(
            provisioning=60 * provisioning,
            preparing=20 * preparing,
            running=1e6 if hangs else 120 * running,
            stopped=True,
            cause=cause,
            ending=ending,
            leaks=luck.happens(f"{key}: its pool leaks", 0.2),
            exit_code=luck.one_of(f"{key}: exit code", (1, 75)),
            deleting=timedelta(seconds=luck.between(f"{key}: id", 20, 90)) if slow else DELETING,
            pool_deleting=timedelta(seconds=luck.between(f"{key}: pool", 10, 120) if slow else 0),
        )

    def _born(self, attempt: Attempt) -> None:
        if attempt.fate.ending in ("itself", "preempted", "vanishes"):
            self._when_it_ends(attempt)

    def _when_it_ends(self, attempt: Attempt) -> None:
        """What it leaves is uploaded, and last of all the marker; then Batch calls it completed."""
        compute, clock = self.twins.compute, self.twins.clock
        if compute.made.get(attempt.order.key) is not attempt or attempt.deleted_at:
            return
        wait = (attempt.over_at - clock.now).total_seconds() - _UPLOADED
        if attempt.waiting or wait > 0:
            self.after(max(wait, 5), lambda: self._when_it_ends(attempt))
            return
        key = attempt.order.key
        run, number = split_attempt_key(key) or ("", 0)
        text = f"{key} {len(compute.history[key])}"
        self.twins.files.write(OUTPUTS, f"{run}/{number}/outputs/model/weights", text.encode())
        lost = self.luck.happens(f"{key}: its marker is lost", 0.2)
        if not lost and f"{key}: its uploads fail" not in self.luck.taken:
            early = self.luck.one_of(f"{key}: marker", (0.0, _UPLOADED))
            self.after(early, lambda: self._marker(attempt, f"{run}/{number}/{MARKER}"))

    def _marker(self, attempt: Attempt, path: str) -> None:
        if self.twins.compute.made.get(attempt.order.key) is attempt and not attempt.deleted_at:
            self.twins.files.write(OUTPUTS, path, b"")
            self._tell(f"{path} lands", lambda product: product.observer.landed(path))

    def _tell(self, what: str, door: Callable[[Product], object], tries: int = 5) -> None:
        """A blob event: at least once, five tries, sometimes late or twice."""

        def then(outcome: Outcome) -> None:
            if outcome != "done" and tries > 1:
                wait = self.luck.between(f"{what}: again after {tries}", 0, 10)
                self.after(wait, lambda: self._tell(what, door, tries - 1))
            elif self.luck.happens(f"{what}: told twice {tries}", 0.1):
                wait = self.luck.between(f"{what}: twice", 0, 200)
                self.after(wait, lambda: self._tell(what, door, 1))

        self.play(what, lambda one: door(one.product), then)

    # What is looked at.

    def _written(self, run: Run) -> None:
        before = self.invariants.status(run.name)
        self.invariants.written(run)
        if before is run.status:
            return
        what = f"{run.name} in {run.status} of attempt {run.attempt}"
        if self.luck.happens(f"{what} is canceled", 0.03):
            wait = self.luck.between(f"{what}: canceled after", 0, 4)
            self.after(wait, lambda: self._cancel(what, run.name))
            if self.luck.happens(f"{what} is canceled twice", 0.3):
                self.after(wait + 1.5, lambda: self._cancel(what, run.name))

    def handled(self, message: Message) -> None:
        if "-cancel-" in message.id:
            self.invariants.canceled.add(message.session)

    def stepped(self, play: Play, outcome: Outcome) -> None:
        step = play.step
        if step.label.startswith("watch"):
            struck = step.struck > 0 or outcome != "done"
            self.invariants.ticked(step.calls, WATCH, struck=struck)
        elif step.label != _RESUBMIT:  # which sends as many as there are
            self.invariants.stepped(step.label[:_NAME], step.calls, step.struck)


def final_runs(simulation: Simulation) -> list[Run]:
    """The runs at the end, oldest first."""
    return [simulation.twins.runs.load(name).run for name in sorted(simulation.twins.runs.records)]
