"""One run at a time on a warm stack: from asking to done, and from a file to the script's line."""

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from retrain.client import FINAL, Client
from tests.bench.measured import Measured
from tests.flow.local_stack import job, running_stack

RUNS = 20
_EVERY = 0.005  # seconds between two looks; part of what is measured


def measure(folder: Path) -> Iterator[Measured]:
    with running_stack(folder / "stack") as stack, stack.client() as client:
        for _ in range(3):
            noop(client)
        times = [noop(client) for _ in range(RUNS)]
        yield "noop_run_median", median(times), "s"
        yield "noop_run_p95", sorted(times)[int(RUNS * 0.95) - 1], "s"
        client.create_compute({"name": "bench", "type": "amlcompute", "min_instances": 1})
        for _ in range(3):
            noop(client, compute="bench")
        on_warm_nodes = [noop(client, compute="bench") for _ in range(RUNS)]
        yield "noop_run_on_named_compute_median", median(on_warm_nodes), "s"
        yield "upload_to_first_line_median", median(_first_lines(client, folder)), "s"


def noop(client: Client, **fields: Any) -> float:
    """Seconds from the request until the run is Completed and Batch lists nothing of it."""
    began = time.perf_counter()
    name = client.create_job(job("true", **fields))["name"]
    while client.get_job(name)["status"] not in FINAL:
        time.sleep(_EVERY)
    while any(client.compute().values()):
        time.sleep(_EVERY)
    took = time.perf_counter() - began
    assert client.get_job(name)["status"] == "Completed"
    return took


def _first_lines(client: Client, folder: Path) -> list[float]:
    """Seconds from the upload's end until the script's first line, by the script's own clock."""
    rows = {"type": "uri_file", "path": "${{trigger.path}}"}
    client.create_schedule(
        {
            "name": "bench",
            "trigger": {"type": "data", "path": "bench/*"},
            "create_job": job("date +%s.%N; cat ${{inputs.rows}}", inputs={"rows": rows}),
        }
    )
    times = []
    for number in range(RUNS // 2):
        file = folder / f"{number}.csv"
        file.write_text(f"{number}\n")
        known = {run["name"] for run in client.list_jobs()}
        client.upload_data(file, f"bench/{number}.csv")
        uploaded = time.time()
        # A file's run is named by the whole second of its change, so it needn't be listed first.
        while not (new := [run for run in client.list_jobs() if run["name"] not in known]):
            time.sleep(_EVERY)
        name = new[0]["name"]
        while client.get_job(name)["status"] not in FINAL:
            time.sleep(_EVERY)
        times.append(float(client.logs(name).data.split()[0]) - uploaded)
    return times
