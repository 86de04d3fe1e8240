"""A tracked run in MLflow's words: its status, name, times and tags; and what filters see of it."""

from datetime import datetime
from typing import Final

from shared.app.tracked_artifacts import root
from shared.app.tracking import TrackedRun
from shared.domain.run import Run
from shared.domain.status import Status
from shared.domain.tracked import Tracked
from shared.domain.tracking_filter import Fields

#: MLflow's client wants to know who; runs are begun by Retrain.
USER: Final = "retrain"
#: MLflow has fewer words.
STATUS: Final = {
    Status.NOT_STARTED: "SCHEDULED",
    Status.QUEUED: "SCHEDULED",
    Status.PROVISIONING: "SCHEDULED",
    Status.PREPARING: "SCHEDULED",
    Status.RUNNING: "RUNNING",
    Status.FINALIZING: "RUNNING",
    Status.CANCEL_REQUESTED: "RUNNING",
    Status.COMPLETED: "FINISHED",
    Status.FAILED: "FAILED",
    Status.CANCELED: "KILLED",
}


def status(seen: TrackedRun) -> str:
    """A child that nobody ended ended with the script that began it."""
    own = STATUS[seen.run.status]
    if not seen.tracked.child:
        # The record learns a little later than the script logs that it runs.
        heard = seen.metrics or seen.facts.params or seen.facts.tags
        return "RUNNING" if own == "SCHEDULED" and heard else own
    over = seen.run.final and seen.facts.status in ("RUNNING", "SCHEDULED")
    return own if over else seen.facts.status


def run_name(seen: TrackedRun) -> str:
    job = seen.run.job.display_name if not seen.tracked.child else None
    return seen.facts.name or job or seen.tracked.id


def tags(seen: TrackedRun) -> dict[str, str]:
    """The job's, what Retrain knows of the run, and what was logged, which goes before."""
    own = {} if seen.tracked.child else {**seen.run.job.tags, **_known(seen.run)}
    return {**own, "mlflow.runName": run_name(seen), **seen.facts.tags}


def _known(run: Run) -> dict[str, str]:
    return {"retrain.status": run.status.value, "retrain.attempt": str(run.attempt)}


def artifact_uri(tracked: Tracked) -> str:
    return f"mlflow-artifacts:/{root(tracked)}"


def begin(seen: TrackedRun) -> int | None:
    """Milliseconds since 1970."""
    run = seen.run
    return seen.facts.begun if seen.tracked.child else millis(run.started_at or run.created_at)


def end(seen: TrackedRun) -> int | None:
    """Milliseconds since 1970."""
    return seen.facts.ended if seen.tracked.child else millis(seen.run.ended_at)


def fields(seen: TrackedRun) -> Fields:
    """What filters and orders compare."""
    return {
        "metrics": {key: standing.last.value for key, standing in seen.metrics.items()},
        "params": seen.facts.params,
        "tags": tags(seen),
        "attributes": {
            "run_id": seen.tracked.id,
            "run_name": run_name(seen),
            "status": status(seen),
            "start_time": begin(seen),
            "end_time": end(seen),
            "user_id": USER,
            "artifact_uri": artifact_uri(seen.tracked),
        },
    }


def millis(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)
