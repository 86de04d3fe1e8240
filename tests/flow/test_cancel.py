"""A run is cancelled at each moment of its life: it ends Canceled, or as it had ended already, and
no compute is left. The moments are held by faults: a node that is long in coming, and the like."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrain.client import FINAL, Client
from retrain.snapshot import take_snapshot
from tests.flow.local_stack import (
    LocalStack,
    behave,
    ended,
    eventually,
    job,
    misbehave,
    no_compute_left,
    running_stack_with_faults,
)

pytestmark = pytest.mark.xdist_group("held-stack")

LONG = "sleep 300"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with running_stack_with_faults(tmp_path_factory.mktemp("held")) as started:
        yield started


@pytest.fixture
def client(stack: LocalStack) -> Iterator[Client]:
    """Without any fault that a test before left."""
    behave(stack)
    with stack.client() as connected:
        yield connected


def cancelled_in(client: Client, name: str, status: str) -> dict[str, Any]:
    """The run as it ended, cancelled as soon as it was seen in this status."""
    assert eventually(lambda: client.get_job(name)["status"] == status), client.get_job(name)
    client.cancel(name)
    client.cancel(name)
    run: dict[str, Any] = dict(ended(client, name))
    assert no_compute_left(client)
    assert client.cancel(name)["status"] == run["status"], "what is over stays as it is"
    return run


def statuses(run: dict[str, Any]) -> list[str]:
    return [moment["status"] for moment in run["timeline"]]


def test_while_its_environment_is_built(client: Client) -> None:
    conda = {"dependencies": [{"pip": ["six==1.15.0"]}]}
    environment = {"image": "python:3.11-slim", "conda_file": conda}
    name = client.create_job(job(LONG, environment=environment))["name"]
    run = cancelled_in(client, name, "Preparing")
    assert run["status"] == "Canceled"
    assert "Running" not in statuses(run)


def test_while_it_has_no_node(client: Client, stack: LocalStack) -> None:
    misbehave(stack, service="batch", kind="slow_allocation", seconds=3600)
    name = client.create_job(job(LONG))["name"]
    run = cancelled_in(client, name, "Provisioning")
    assert (run["status"], run["started_at"]) == ("Canceled", None)
    (attempt,) = run["attempts"]
    assert (attempt["number"], attempt["cause"]) == (1, "canceled")


def test_while_its_node_prepares(client: Client, stack: LocalStack, tmp_path: Path) -> None:
    (tmp_path / "train.sh").write_text(LONG)
    with take_snapshot(tmp_path) as zipped:
        code = client.ensure_snapshot(zipped)
    (tmp_path / "slow.csv").write_text("1\n")
    client.upload_data(tmp_path / "slow.csv", "held/slow.csv")
    where = {"operation": "GET blob", "blob": "held/slow.csv"}
    misbehave(stack, service="blob", kind="stall", where=where)
    path = "azureml://datastores/workspaceblobstore/paths/held/slow.csv"
    inputs = {"slow": {"type": "uri_file", "path": path}}
    document = job("sh train.sh ${{inputs.slow}}", code=code, inputs=inputs)
    run = cancelled_in(client, client.create_job(document)["name"], "Preparing")
    assert (run["status"], run["started_at"]) == ("Canceled", None)


def test_while_it_runs(client: Client) -> None:
    run = cancelled_in(client, client.create_job(job(LONG))["name"], "Running")
    assert run["status"] == "Canceled"
    assert statuses(run)[-2:] == ["CancelRequested", "Canceled"]


def test_while_it_is_finalized(client: Client, stack: LocalStack) -> None:
    misbehave(stack, service="batch", kind="latency", where={"operation": "delete_job"}, seconds=3)
    run = cancelled_in(client, client.create_job(job("true"))["name"], "Finalizing")
    assert run["status"] == "Completed", (run["error"], run["timeline"], run["attempts"])


def test_while_it_is_finalized_to_be_tried_again(client: Client, stack: LocalStack) -> None:
    misbehave(stack, service="batch", kind="latency", where={"operation": "delete_job"}, seconds=3)
    name = client.create_job(job("exit 75", retry={"exit_codes": [75]}))["name"]
    run = cancelled_in(client, name, "Finalizing")
    assert (run["status"], run["attempt"], run["error"]) == ("Canceled", 1, None)


def test_while_it_waits_to_be_tried_again(client: Client) -> None:
    retry = {"exit_codes": [75], "backoff": {"initial": 3600, "max": 3600}}
    name = client.create_job(job("exit 75", retry=retry))["name"]
    assert eventually(lambda: "attempt 2" in client.get_job(name)["timeline"][-1]["note"])
    run = cancelled_in(client, name, "Queued")
    assert (run["status"], run["attempt"]) == ("Canceled", 1)


def test_together_with_its_end(client: Client) -> None:
    names = [client.create_job(job(f"sleep 0.{tenth}"))["name"] for tenth in range(8)]
    begun = (*FINAL, "Running")
    for name in names:
        eventually(lambda: client.get_job(name)["status"] in begun)  # noqa: B023  called at once
        client.cancel(name)
    ends = [ended(client, name) for name in names]
    assert {run["status"] for run in ends} <= {"Completed", "Canceled"}
    for run in ends:
        final = [one for one in statuses(dict(run)) if one in FINAL]
        assert final == [run["status"]], "it ended once"
    assert no_compute_left(client)
