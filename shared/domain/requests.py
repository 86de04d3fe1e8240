"""A training request: who asks, for which job, with which changed file."""

from dataclasses import dataclass
from datetime import UTC, datetime

from shared.domain.keys import digest, run_name
from shared.domain.run import Source
from shared.jobs import CommandJob


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRequest:
    """`id` is derived from what asked (a file's version, a tick, a caller's key), so that asking
    twice is one request; `at` belongs to that cause too, not to the moment of delivery."""

    id: str
    at: datetime
    job: CommandJob
    source: Source

    @property
    def run(self) -> str:
        """The name of the run that the request becomes."""
        return run_name(self.id, self.at)


def request_id(kind: str, *parts: str) -> str:
    """64 hex; Service Bus allows 128 characters."""
    return digest(kind, *parts)


def told_to_the_job(identity: str, at: datetime) -> dict[str, str]:
    """What a schedule's job may ask of its own request, by binding."""
    moment = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"name": run_name(identity, at), "creation_context.trigger_time": moment}
