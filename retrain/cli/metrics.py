"""`retrain job metrics` and `retrain mlflow`: what scripts logged, and how to ask MLflow for it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from retrain.cli.options import AsJson, ProfileName, RunName, connect
from retrain.cli.output import note, put, put_json

if TYPE_CHECKING:
    from retrain.client.metric_records import Logged, MetricPoint, MetricStanding


def show(
    name: RunName,
    key: Annotated[
        str | None, typer.Option("--key", "-k", help="All points of this metric.", metavar="METRIC")
    ] = None,
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """Show what a run's script logged with MLflow, up to now: metrics, params, child runs."""
    with connect(profile) as client:
        if key is not None:
            _history(client.metric_history(name, key), key, as_json=as_json)
            return
        scores = client.metrics(name)
    if as_json:
        put_json(scores)
        return
    if not (scores["metrics"] or scores["params"] or scores["children"]):
        note("Its script has logged nothing with MLflow.")
        return
    from retrain.cli import render

    if scores["metrics"]:
        render.table(("METRIC", "LAST", "STEP", "MIN", "MAX"), rows(scores["metrics"], heads=True))
    if scores["params"]:
        put()
        render.table(("PARAM", "VALUE"), [*scores["params"].items()])
    if scores["children"]:
        put()
        render.table(("CHILD RUN", "NAME", "STATUS", "METRICS"), _children(scores["children"]))


def access(
    hours: Annotated[
        int, typer.Option(min=1, max=720, help="How long the token is good for.")
    ] = 12,
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """Print what lets MLflow's client in here, for a shell: eval "$(retrain mlflow)"."""
    with connect(profile) as client:
        given = client.mlflow_access(hours)
    if as_json:
        put_json(given)
        return
    put(f"export MLFLOW_TRACKING_URI={quote(given['uri'])}")
    put(f"export MLFLOW_TRACKING_TOKEN={quote(given['token'])}")
    put("export MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD=true")
    put("export MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE=8388608")
    note(f"Good until {given['expires_at']}, for all runs.")


def rows(
    metrics: "Mapping[str, MetricStanding]", *, heads: bool = False
) -> list[tuple[str, str, str, str, str]]:
    """A row for each: name, latest value, its step, least and greatest value. heads: of a table."""
    step, least, greatest = ("", "", "") if heads else ("step ", "min ", "max ")
    return [
        (
            key,
            number(standing["last"]["value"]),
            f"{step}{standing['last']['step']}",
            f"{least}{_extreme(standing['min'])}",
            f"{greatest}{_extreme(standing['max'])}",
        )
        for key, standing in metrics.items()
    ]


def told(points: "Mapping[str, MetricPoint]") -> str:
    """Points in one line: `loss=0.25 acc=0.9 (step 3)`."""
    steps = {point["step"] for point in points.values()}
    if len(steps) == 1:
        values = " ".join(f"{key}={number(point['value'])}" for key, point in points.items())
        return f"{values} (step {steps.pop()})"
    return " ".join(
        f"{key}={number(point['value'])} (step {point['step']})" for key, point in points.items()
    )


def number(value: float | str) -> str:
    """Six digits are enough for people; words such as NaN are what they are."""
    return value if isinstance(value, str) else f"{value:.6g}"


def _extreme(point: "MetricPoint | None") -> str:
    return "-" if point is None else number(point["value"])


def _children(children: "Iterable[Logged]") -> Iterable[Sequence[str]]:
    for child in children:
        values = (f"{key}={number(one['last']['value'])}" for key, one in child["metrics"].items())
        yield child["id"], child["name"] or "", child["status"] or "", " ".join(values)


def _history(points: "Sequence[MetricPoint]", key: str, *, as_json: bool) -> None:
    if as_json:
        put_json({"key": key, "points": points})
        return
    if not points:
        note(f"Nobody logged a metric {key!r}.")
        return
    from retrain.cli import render

    found = (
        (str(point["step"]), number(point["value"]), _clock(point["timestamp"])) for point in points
    )
    render.table(("STEP", "VALUE", "AT"), found)


def _clock(millis: int) -> str:
    at = datetime.fromtimestamp(millis / 1000, UTC).astimezone()
    return f"{at:%Y-%m-%d %H:%M:%S}"
