"""The spans that a run's record tells of once it is over: the whole, its attempts, its statuses."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.run import Run
from shared.domain.status import Status
from shared.ports.telemetry import Value
from shared.telemetry.identity import span_of


@dataclass(frozen=True, slots=True)
class Told:
    """parent: None for the whole run."""

    name: str
    id: int
    parent: int | None
    start: datetime
    end: datetime
    attributes: Mapping[str, Value] = field(default_factory=dict)
    failed: str = ""


def record_spans(run: Run) -> Iterator[Told]:
    """The same run gives the same ids."""
    root, end = span_of(run.name), run.ended_at or run.heard_at
    yield Told("run", root, None, run.created_at, end, _facts(run), _failure(run))
    for one in run.attempts:
        yield Told(
            "attempt",
            span_of(run.name, "attempt", str(one.number)),
            root,
            one.asked_at,
            _let_go(run, one.number) or one.ended_at,
            {"retrain.attempt": one.number, "retrain.cause": one.cause},
            one.problem.code if one.problem else "",
        )
    ends = [moment.at for moment in run.timeline[1:]]
    for number, (moment, until) in enumerate(zip(run.timeline, ends, strict=False)):
        name = "script" if moment.status is Status.RUNNING else moment.status
        attempt = _attempt_at(run, moment.at) if _in_attempt(moment.status) else 0
        parent = span_of(run.name, "attempt", str(attempt)) if attempt else root
        attributes: dict[str, Value] = {"retrain.status": moment.status}
        if moment.note:
            attributes["retrain.note"] = moment.note
        identity = span_of(run.name, "moment", str(number))
        yield Told(name, identity, parent, moment.at, until, attributes)


def _facts(run: Run) -> dict[str, Value]:
    return {
        "retrain.status": run.status,
        "retrain.attempts": run.attempt,
        "retrain.source": run.source.kind,
        "retrain.schedule": run.source.schedule,
        "retrain.experiment": run.job.experiment_name,
        "error.type": run.problem.code if run.problem else None,
    }


def _failure(run: Run) -> str:
    return (run.problem.message if run.problem else "failed") if run.status is Status.FAILED else ""


def _in_attempt(status: Status) -> bool:
    return status not in (Status.NOT_STARTED, Status.QUEUED)


def _attempt_at(run: Run, at: datetime) -> int:
    """The attempt under way then; 0 before the first, while the image is built."""
    return max((one.number for one in run.attempts if one.asked_at <= at), default=0)


def _let_go(run: Run, attempt: int) -> datetime | None:
    return next((one.released_at for one in run.usages if one.attempt == attempt), None)
