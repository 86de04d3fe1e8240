"""A run that may not start yet: it waits in Queued, and its timeline says for what."""

from dataclasses import replace

from shared.domain.commands import AwaitNodes
from shared.domain.events import Event
from shared.domain.run import Run
from shared.domain.status import Status
from shared.domain.transitions import Decision


def held_back(before: Run, asked: Run, event: Event, note: str) -> Decision:
    """In place of the decision that made `asked` of `before`: wait, and be asked again.

    What is pending is not done now, since it was just asked for; a nudge does it.
    """
    run = replace(before, image=asked.image)
    run = (
        _noted(run, note) if run.status is Status.QUEUED else run.to(Status.QUEUED, event.at, note)
    )
    return Decision(
        replace(
            run,
            heard_at=max(run.heard_at, event.at),
            last_event=event.id,
            pending=(AwaitNodes(before.attempt + 1),),
        )
    )


def is_held_back(run: Run) -> bool:
    return any(isinstance(command, AwaitNodes) for command in run.pending)


def _noted(run: Run, note: str) -> Run:
    *earlier, last = run.timeline
    return replace(run, timeline=(*earlier, replace(last, note=note)))
