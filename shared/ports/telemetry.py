"""Traces and metrics, in our words; nothing of it changes what Retrain does.

A run is one trace. Its id comes from the run's name, so any instance, also one that starts after a
crash, goes on with the same trace.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

from shared.domain.run import Run

Value = str | int | float | bool | None


@dataclass(slots=True)
class Call:
    """An invocation. caller: the W3C `traceparent` of who sent the request or the message.

    waited_since: when the message could be had.  name may be set until the call is over.
    """

    name: str
    trigger: Literal["http", "pubsub", "datasource", "timer"]
    caller: str = ""
    queue: str = ""
    message: str = ""
    deliveries: int = 0
    waited_since: datetime | None = None


class Telemetry(Protocol):
    """Twins: Silent, OpenTelemetryRuns. Never raises."""

    def call(self, call: Call) -> AbstractContextManager[None]:
        """An invocation: it belongs to the trace of each run for which something was done."""

    def span(
        self, name: str, run: str, attributes: Mapping[str, Value] | None = None
    ) -> AbstractContextManager[dict[str, Value]]:
        """Something that is done for a run; what is written into the dictionary is told too."""

    def sending(self, queue: str, run: str) -> AbstractContextManager[dict[str, str]]:
        """A message for a run; the properties that hand its trace on."""

    @property
    def caller(self) -> str | None:
        """The `traceparent` of who asked over HTTP."""

    def ended(self, run: Run) -> None:
        """The run is over: its trace as a whole, and what is counted of it."""

    def seen(self, active: Mapping[str, int]) -> None:
        """What the watch saw: runs that aren't over, by status."""

    def counted(self, dead_letters: int) -> None:
        """How many messages lie there that can't be processed."""


class Silent:
    """Nobody listens. Costs next to nothing."""

    caller: str | None = None

    def call(self, call: Call) -> AbstractContextManager[None]:
        return nullcontext()

    def span(
        self, name: str, run: str, attributes: Mapping[str, Value] | None = None
    ) -> AbstractContextManager[dict[str, Value]]:
        return nullcontext({})

    def sending(self, queue: str, run: str) -> AbstractContextManager[dict[str, str]]:
        return nullcontext({})

    def ended(self, run: Run) -> None: ...

    def seen(self, active: Mapping[str, int]) -> None: ...

    def counted(self, dead_letters: int) -> None: ...


SILENT: Final = Silent()
