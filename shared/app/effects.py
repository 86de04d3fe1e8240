"""What a command does. Each ends by telling the run, through its queue, how it went.

Ids of those messages come from the attempt, so that a command that is performed twice tells it
once; what a nudge asks for anew is told anew, since the first telling may have been lost.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from shared.app.costs import NodesOf
from shared.app.environments import Environments
from shared.app.gate import Gate
from shared.app.image_builds import KEPT_LOG as KEPT_BUILD_LOG
from shared.app.image_builds import ImageBuilds, ImageState
from shared.app.lineage import Lineage
from shared.app.notifying import Notifier
from shared.app.observing import Observer
from shared.app.orders import order_for
from shared.app.script_tracking import ScriptTracking
from shared.domain.commands import (
    AwaitNodes,
    BuildImage,
    Command,
    Conclude,
    Look,
    Notify,
    Provision,
    TakeDown,
    Wait,
)
from shared.domain.errors import Permanent, Scarce, Transient
from shared.domain.events import (
    AttemptEnded,
    Concluded,
    Event,
    ImageFailed,
    ImagePending,
    ImageReady,
    Nudged,
    RetryDue,
    TakenDown,
)
from shared.domain.keys import checkpoints_container
from shared.domain.run import Problem, Run
from shared.domain.status import Status
from shared.node import CHECKPOINTS_MARKER
from shared.ports.bus import Bus
from shared.ports.compute import Compute, LiveLogs, Report
from shared.ports.files import OUTPUTS, Files

log = logging.getLogger("retrain.effects")

#: Of a killed task's stdout and stderr so much is kept, from the start, in bytes.
KEPT_LOG: Final = 4 * 1024 * 1024
BUILD_LOG: Final = "logs/environment-build.log"
_LOOKS: Final = (1, 1, 2, 2, 5)  # seconds between looks at a build; then 15
#: After an hour of them the watch's nudges go on with it. A clock that is behind takes every look
#: to be due at once.
_MOST_LOOKS: Final = 240


@dataclass(frozen=True, slots=True)
class Effects:
    compute: Compute
    live_logs: LiveLogs
    builds: ImageBuilds
    environments: Environments
    files: Files
    bus: Bus
    gate: Gate
    observer: Observer
    notifier: Notifier
    lineage: Lineage
    tracking: ScriptTracking
    nodes_of: NodesOf
    now: Callable[[], datetime]

    def perform(self, run: Run, command: Command, event: Event) -> None:
        """Do it, once more if need be. Raises Transient."""
        match command:
            case BuildImage():
                self._build_image(run, command, _anew(run, event))
            case Provision():
                self._provision(run, command)
            case Look():
                self.observer.observe(run.name, command.attempt, look=command.look)
            case TakeDown():
                self._take_down(run, command, _anew(run, event))
            case Conclude():
                self._conclude(run, command, _anew(run, event))
            case Wait() | AwaitNodes():
                self._wait(run, command, event)
            case Notify():
                self.notifier.notify(run, command)
            case _:
                assert_never(command)

    def _build_image(self, run: Run, command: BuildImage, anew: str) -> None:
        try:
            environment = self.environments.meant(run.job.environment)
            state = self.builds.ensure(environment.recipe, run.name, afresh=command.look == 0)
        except Permanent as refusal:
            state = ImageState("failed", reason=f"{refusal} {refusal.remedy}".strip())
        now, stem = self.now(), f"{run.name}-image{anew}"
        match state.state:
            case "ready":
                told = ImageReady(id=f"{stem}-ready", at=now, image=state.image)
                self.bus.event(run.name, told)
            case "building" if command.look >= _MOST_LOOKS and not anew:
                log.warning(
                    "run %s: its image is left to the watch's nudges", run.name,
                    extra={"run": run.name},
                )  # fmt: skip
            case "building":
                look = command.look + 1
                later = now + timedelta(seconds=(*_LOOKS, 15)[min(look, len(_LOOKS)) - 1])
                pending = ImagePending(id=f"{stem}-look-{look}", at=later, look=look)
                self.bus.event(run.name, pending, after=later)
            case "failed":
                self._image_failed(run, state, stem)

    def _image_failed(self, run: Run, state: ImageState, stem: str) -> None:
        said = b""
        if run.job.environment.reference is None:
            said, _ = self.builds.log(run.job.environment.key, 0, KEPT_BUILD_LOG)
        self.files.write(OUTPUTS, f"{run.name}/0/{BUILD_LOG}", said)
        problem = Problem(
            "EnvironmentBuildFailed",
            f"The environment could not be built: {state.reason}",
            f"Mend the job's environment; the whole log is the output {BUILD_LOG}.",
        )
        self.bus.event(run.name, ImageFailed(id=f"{stem}-failed", at=self.now(), problem=problem))

    def _provision(self, run: Run, command: Provision) -> None:
        try:
            if run.job.checkpoints:
                self._keep_checkpoints(run)
            self.compute.provision(order_for(run, self.tracking.variables(run)))
        except Permanent as refusal:
            log.warning(
                "run %s: compute refused: %s", run.name, refusal,
                extra={"run": run.name, "attempt": run.attempt, "code": refusal.code},
            )  # fmt: skip
            ended = AttemptEnded(
                id=f"{run.key}-refused",
                at=self.now(),
                attempt=command.attempt,
                cause="infrastructure" if isinstance(refusal, Scarce) else "configuration",
                problem=Problem(refusal.code, refusal.message, refusal.remedy),
            )
            self.bus.event(run.name, ended)

    def _keep_checkpoints(self, run: Run) -> None:
        """Have their container, and something in it: what a node finds in it, it takes over."""
        container = checkpoints_container(run.name)
        self.files.ensure(container)
        self.files.write(container, CHECKPOINTS_MARKER, b"")

    def _take_down(self, run: Run, command: TakeDown, anew: str) -> None:
        if command.keep_logs:
            self._keep_logs(run)
        canceled = run.status is Status.CANCEL_REQUESTED
        report = self._last_report(run) if canceled else Report(phase="ended")
        self.compute.take_down(run.key)
        self.gate.leave(run.key)
        done = TakenDown(
            id=f"{run.key}-taken-down{anew}",
            at=self.now(),
            attempt=command.attempt,
            prepared_at=report.prepared_at,
            started_at=None if _killed(report) else report.started_at,
            requeues=report.requeues,
            nodes=self.nodes_of(run),
        )
        self.bus.event(run.name, done)

    def _last_report(self, run: Run) -> Report:
        """How far an attempt came that is ended before its time. It is ended even if nobody says:
        the record then has what the watch saw."""
        try:
            report = self.compute.report(run.key)
        except Transient as error:
            log.warning(
                "run %s: when it began is not known: %s", run.name, error,
                extra={"run": run.name, "attempt": run.attempt, "code": error.code},
            )  # fmt: skip
            report = None
        return report or Report(phase="ended")

    def _conclude(self, run: Run, command: Conclude, anew: str) -> None:
        outcome = self.lineage.conclude(run)
        concluded = Concluded(
            id=f"{run.key}-concluded{anew}",
            at=self.now(),
            attempt=command.attempt,
            changed=outcome.changed,
            writes=outcome.writes,
            problem=outcome.problem,
        )
        self.bus.event(run.name, concluded)

    def _keep_logs(self, run: Run) -> None:
        """Batch uploads nothing of a task that is killed from outside, and users want its log."""
        for file in ("stdout.txt", "stderr.txt"):
            path = f"{run.name}/{run.attempt}/{file}"
            if self.files.stat(OUTPUTS, path) is None:
                text = self.live_logs.read(run.key, file, 0, KEPT_LOG)
                if text is not None:
                    self.files.write(OUTPUTS, path, text)

    def _wait(self, run: Run, command: Wait | AwaitNodes, event: Event) -> None:
        if isinstance(command, AwaitNodes):
            self.gate.ask_again(run, command, _anew(run, event))
            return
        # From when the wait began: a nudge in its middle doesn't begin it anew.
        due = run.timeline[-1].at + timedelta(seconds=command.seconds)
        stem = f"{run.name}-retry-{command.attempt}"
        again = RetryDue(id=stem + _anew(run, event), at=due, attempt=command.attempt)
        self.bus.event(run.name, again, after=due)


def _killed(report: Report) -> bool:
    """Whether it was ended from outside: by the take-down before this one, perhaps before its
    script began. Batch's own start of a task is that of its downloads."""
    return report.phase == "ended" and report.cause != "none" and report.exit_code is None


def _anew(run: Run, event: Event) -> str:
    """Sets what a nudge asks for apart: the bus drops an id that it saw before."""
    return event.id.removeprefix(run.name) if isinstance(event, Nudged) else ""
