"""Environments: what a run pays for an image that is there, and that many runs pay for one build.

`hit` is the whole answer of the API, HTTP and all; `ensure` the product's own part of it, which is
what the orchestrator does for a run.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from azure.storage.blob import BlobServiceClient

from retrain.client import FINAL, Client
from shared.azure.world import azure_ports
from shared.jobs import parse_environment
from shared.settings import Settings
from shared.wiring import built, utc_now
from tests.bench.measured import Measured
from tests.flow.local_stack import LocalStack, job, running_stack

HITS = 50
RUNS = 8
CONDA = {"dependencies": [{"pip": ["iniconfig==2.0.0"]}]}
ENVIRONMENT: dict[str, Any] = {"image": "python:3.11-slim", "conda_file": CONDA}


def measure(folder: Path) -> Iterator[Measured]:
    with running_stack(folder / "stack") as stack, stack.client() as client:
        names = [
            client.create_job(job("true", environment=ENVIRONMENT))["name"] for _ in range(RUNS)
        ]
        for name in names:
            while client.get_job(name)["status"] not in FINAL:
                time.sleep(0.05)
        yield "environment_builds_for_8_runs", _builds(stack), "builds"
        yield "environment_hit_median", median(_hits(client)), "s"
        yield "environment_ensure_median", median(_ensured(stack)), "s"
        yield "environment_builds_after_hits", _builds(stack), "builds"


def _hits(client: Client) -> list[float]:
    """Seconds of asking the API for an image that is there."""
    times = []
    for _ in range(HITS):
        began = time.perf_counter()
        state = client.build_environment(ENVIRONMENT)
        times.append(time.perf_counter() - began)
        assert state["state"] == "ready"
    return times


def _ensured(stack: LocalStack) -> list[float]:
    """Seconds of the use case over the real adapters, from the key to the image's name."""
    settings = Settings(
        storage=stack.addresses["blob"],
        servicebus=stack.addresses["servicebus"],
        batch=stack.addresses["batch"],
        batch_account=stack.addresses["batch_account"],
        batch_key=stack.addresses["batch_key"],
        images=f"http://127.0.0.1:{stack.ports[-1]}",
    )
    builds = built(azure_ports(settings, utc_now)).builds
    times = []
    for _ in range(HITS):
        began = time.perf_counter()
        recipe = parse_environment(ENVIRONMENT).recipe
        state = builds.ensure(recipe, "bench", afresh=True)
        times.append(time.perf_counter() - began)
        assert state.state == "ready"
    return times


def _builds(stack: LocalStack) -> float:
    """How many builds of the environment were ever begun, by its claim."""
    key = parse_environment(ENVIRONMENT).key
    with BlobServiceClient.from_connection_string(stack.addresses["blob"]) as service:
        blob = service.get_blob_client("registry", f"builds/{key}.json")
        return float(json.loads(blob.download_blob().readall())["number"])
