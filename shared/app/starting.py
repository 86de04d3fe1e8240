"""From a schedule that fires to its run: at once, later, or not at all while one is under way."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from shared.app.admission import Admission
from shared.app.schedules import Kept
from shared.domain.errors import NotFound
from shared.domain.requests import TrainingRequest
from shared.ports.registry import Registry
from shared.ports.runs import Runs

log = logging.getLogger("retrain.triggers")

#: The registry's kind for the runs of schedules that don't let them overlap.
KIND: Final = "started"
#: So many of a schedule's runs can be under way at once, when they may not overlap: those that
#: people started by hand, or that are being canceled.
_REMEMBERED: Final = 20
#: For so long a run that was noted and has no record yet may still be on its way.
_ON_ITS_WAY: Final = timedelta(minutes=10)


class Outcome(Enum):
    """STARTED holds too when the run was started before; WAITS: ask again later."""

    STARTED = "started"
    WAITS = "waits"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Starting:
    registry: Registry
    runs: Runs
    admission: Admission
    now: Callable[[], datetime]

    def start(self, kept: Kept, request: TrainingRequest, *, beside: bool = False) -> Outcome:
        """Ask for the run, as the trigger's `concurrency` has it. Asking twice is one run.

        beside: whatever is under way, since somebody wants it now.
        """
        policy = kept.schedule.trigger.concurrency
        if beside:
            self._note(kept, request.run)
            policy = "parallel"
        if policy != "parallel" and not self._exists(request.run):
            note = self.registry.load(KIND, kept.name)
            document = note.document if note else {"runs": [], "at": None}
            others = [run for run in document["runs"] if run != request.run]
            active = [run for run in others if self._active(run, document)]
            if active and policy == "queue":
                return Outcome.WAITS
            if active and policy == "skip":
                log.warning(
                    "schedule %s: run %s is under way, none is started", kept.name, active,
                    extra={"schedule": kept.name},
                )  # fmt: skip
                return Outcome.SKIPPED
            # Noted first, with the ETag that was read: two that fire at once see each other.
            runs = [*active, request.run][-_REMEMBERED:]
            written = {"runs": runs, "at": self.now().isoformat()}
            self.registry.save(KIND, kept.name, written, note.etag if note else None)
            if policy == "replace":
                self._cancel(kept, active)
        self.admission.submit(request)
        log.info(
            "schedule %s: asks for run %s", kept.name, request.run,
            extra={"schedule": kept.name, "run": request.run},
        )  # fmt: skip
        return Outcome.STARTED

    def busy(self, kept: Kept) -> bool:
        """Whether a run of the schedule has to be waited for."""
        if kept.schedule.trigger.concurrency != "queue":
            return False
        document = self.registry.get(KIND, kept.name) or {"runs": []}
        return any(self._active(run, document) for run in document["runs"])

    def _note(self, kept: Kept, run: str) -> None:
        """So that those that may not be beside it know of it."""
        if kept.schedule.trigger.concurrency != "parallel":
            note = self.registry.load(KIND, kept.name)
            runs = note.document["runs"] if note else []
            known = [*(other for other in runs if other != run), run][-_REMEMBERED:]
            written = {"runs": known, "at": self.now().isoformat()}
            self.registry.save(KIND, kept.name, written, note.etag if note else None)

    def _cancel(self, kept: Kept, runs: Sequence[str]) -> None:
        for run in runs:
            fields = {"schedule": kept.name, "run": run}
            log.info("schedule %s: run %s is replaced", kept.name, run, extra=fields)
            try:
                self.admission.cancel(run)
            except NotFound:
                log.info("run %s: not there to be canceled", run, extra=fields)

    def _exists(self, run: str) -> bool:
        try:
            self.runs.load(run)
        except NotFound:
            return False
        return True

    def _active(self, run: str, note: dict[str, Any]) -> bool:
        try:
            return not self.runs.load(run).run.final
        except NotFound:
            since = datetime.fromisoformat(note["at"])
            return self.now() - since < _ON_ITS_WAY
