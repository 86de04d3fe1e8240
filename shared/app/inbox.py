"""Events off the bus, each to the use case that it is for."""

from dataclasses import dataclass

from shared.app.windows import Windows
from shared.app.workflow import Workflow
from shared.domain.events import FilesWait, Told


@dataclass(frozen=True, slots=True)
class Inbox:
    workflow: Workflow
    windows: Windows

    def handle(self, name: str, event: Told) -> None:
        """name: the run's, or the session of what is no run's. Raises Transient."""
        if isinstance(event, FilesWait):
            self.windows.look(event.schedule)
        else:
            self.workflow.handle(name, event)
