"""What the API answers about what scripts log, as it stands there."""

from typing import TypedDict


class MetricPoint(TypedDict):
    """value: a number, or "NaN", "Infinity", "-Infinity". timestamp: milliseconds since 1970."""

    value: float | str
    step: int
    timestamp: int


class MetricStanding(TypedDict):
    """min, max: None when all that was logged is NaN."""

    last: MetricPoint
    min: MetricPoint | None
    max: MetricPoint | None


class Logged(TypedDict):
    """What a run's script logged with MLflow; `status` is of child runs, in MLflow's words."""

    id: str
    run: str
    attempt: int
    name: str | None
    status: str | None
    metrics: dict[str, MetricStanding]
    params: dict[str, str]
    tags: dict[str, str]


class Scores(Logged):
    children: list[Logged]


class MlflowAccess(TypedDict):
    """For MLFLOW_TRACKING_URI and MLFLOW_TRACKING_TOKEN."""

    uri: str
    token: str
    expires_at: str
