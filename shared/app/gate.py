"""Between the decision that an attempt starts and its start: may it, now?

It is asked before the run's record is saved, so a run that may not start never seems to have
started: it waits in Queued, and its timeline says for what. Asking twice is asking once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.app.capacity_book import CapacityBook
from shared.domain.commands import AwaitNodes, BuildImage, Provision
from shared.domain.events import Event, NodesGranted
from shared.domain.run import Run
from shared.domain.transitions import Decision
from shared.domain.waiting import held_back
from shared.ports.bus import Bus


@dataclass(frozen=True, slots=True)
class Gate:
    book: CapacityBook
    bus: Bus
    now: Callable[[], datetime]

    def let(self, before: Run, event: Event, decision: Decision) -> Decision:
        """The decision itself, or to wait when it starts what may not start. Raises Transient."""
        if decision.run == before or not _starts(decision):
            return decision  # repeated, or of no cost
        held = self.book.held()
        if held is None:
            return decision
        return held_back(before, decision.run, event, held.waits)

    def ask_again(self, run: Run, command: AwaitNodes, anew: str) -> None:
        """Tell the run when it may start by now."""
        if self.book.held() is None:
            self.grant(run.name, command.attempt, anew)

    def grant(self, run: str, attempt: int, tag: str) -> None:
        granted = NodesGranted(id=f"{run}-{attempt}-granted{tag}", at=self.now(), attempt=attempt)
        self.bus.event(run, granted)


def _starts(decision: Decision) -> bool:
    """Whether it begins something that costs: nodes, or the building of an image."""
    return any(
        isinstance(command, Provision) or (isinstance(command, BuildImage) and not command.look)
        for command in decision.commands
    )
