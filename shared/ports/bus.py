"""The messages that Retrain sends."""

from datetime import datetime
from typing import Final, Protocol

from shared.domain.events import Told
from shared.domain.requests import TrainingRequest

REQUESTS: Final = "training-requests"
EVENTS: Final = "run-events"
QUEUES: Final = (REQUESTS, EVENTS)
#: After so many deliveries that failed, a queue gives a message up.
MAX_DELIVERIES: Final = 10


class Bus(Protocol):
    """Twins: ServiceBus, SimulatedBus. A message with an id that was sent before is dropped."""

    def request(self, request: TrainingRequest) -> None:
        """To `training-requests`; the message's id is the request's, its subject the run."""

    def event(self, run: str, event: Told, *, after: datetime | None = None) -> None:
        """To `run-events`, session `run`; with `after` it shows up then, not before."""
