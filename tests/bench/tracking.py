"""What it costs a script to log: round trips of MLflow's client on a live stack.

The client's own share is in it; the second figure is a bare request on a kept connection, and the
third the same API's cheapest answer, which shows what the machine takes for any.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import httpx
from mlflow import MlflowClient
from mlflow.entities import Metric

from tests.bench.measured import Measured
from tests.flow.local_stack import ended, job, running_stack

ROUNDS = 300


def measure(folder: Path) -> Iterator[Measured]:
    with running_stack(folder / "stack") as stack, stack.client() as client:
        name = ended(client, client.create_job(job("true"))["name"])["name"]
        access = client.mlflow_access()
        tracking = MlflowClient(access["uri"])
        os.environ["MLFLOW_TRACKING_TOKEN"] = access["token"]
        yield "mlflow_log_metric_p50", _p50(_log_metric(tracking, name)), "ms"
        yield "mlflow_log_batch_1000_p50", _p50(_log_batch(tracking, name), 20), "ms"
        with httpx.Client(base_url=access["uri"], headers=_header(access["token"])) as http:
            yield "tracking_request_p50", _p50(_request(http, name)), "ms"
        with httpx.Client(base_url=stack.addresses["api"]) as http:
            yield "health_request_p50", _p50(lambda n: http.get("/api/health")), "ms"
        points = len(client.metric_history(name, "loss"))
        assert points == 2 * ROUNDS, points


def _p50(call: Callable[[int], object], rounds: int = ROUNDS) -> float:
    """Milliseconds of one call, each with a number of its own; the first is not counted."""
    times = []
    for number in range(rounds):
        began = time.perf_counter()
        call(number)
        times.append(time.perf_counter() - began)
    return median(times[1:]) * 1000


def _log_metric(tracking: MlflowClient, name: str) -> Callable[[int], object]:
    return lambda number: tracking.log_metric(name, "loss", 1 / (number + 1), step=number)


def _log_batch(tracking: MlflowClient, name: str) -> Callable[[int], object]:
    def log(number: int) -> None:
        points = [Metric(f"m{n}", n / 7, 1_700_000_000_000, number) for n in range(1000)]
        tracking.log_batch(name, metrics=points)

    return log


def _request(http: httpx.Client, name: str) -> Callable[[int], object]:
    def post(number: int) -> None:
        body = {"run_id": name, "key": "loss", "value": number, "timestamp": 1, "step": -number - 1}
        http.post("/api/2.0/mlflow/runs/log-metric", json=body).raise_for_status()

    return post


def _header(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
