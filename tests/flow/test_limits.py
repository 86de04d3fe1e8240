"""A cap on nodes, on a live stack: sixty files land at once, and never are there more nodes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential

from retrain.client import FINAL, ApiError, Client
from tests.flow.local_stack import LocalStack, eventually, job, no_compute_left, running_stack

pytestmark = pytest.mark.xdist_group("limits-stack")

FILES, MOST = 60, 3


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    options = ("--max-nodes", str(MOST), "--max-node-hours-a-day", "100000")
    with running_stack(tmp_path_factory.mktemp("limits"), "none", *options) as started:
        yield started


def test_sixty_files_at_once_are_three_nodes_at_a_time(stack: LocalStack, tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number}.csv").write_text(f"{number}\n")
    done = Event()
    with stack.client() as client, ThreadPoolExecutor(1) as beside:
        most = beside.submit(_most_nodes, stack, done)
        client.create_schedule(
            {
                "name": "on-rows",
                "trigger": {"type": "data", "path": "rows/*.csv"},
                "create_job": job("true"),
            }
        )
        client.upload_data(folder, "rows/")
        assert eventually(lambda: client.compute_limits()["waiting"] > 0)
        waits = [run["name"] for run in client.list_jobs(["Queued"])]
        notes = {client.get_job(name)["timeline"][-1]["note"] for name in waits[:5]}
        assert eventually(lambda: _ended(client) == FILES, 170), _ended(client)
        done.set()
        assert 0 < most.result() <= MOST
        runs = list(client.list_jobs())
        assert {run["status"] for run in runs} == {"Completed"}
        assert {run["attempt"] for run in runs} == {1}
        assert no_compute_left(client)
        used = client.compute_limits()
        assert (used["nodes"], used["waiting"]) == (0, 0)
        assert (used["node_hours_today"] or 0) > 0
    assert f"waits for nodes: {MOST} of {MOST} in use" in notes, notes


def test_a_job_that_wants_more_is_told_so(stack: LocalStack) -> None:
    with (
        stack.client() as client,
        pytest.raises(ApiError, match="wants 4 nodes") as caught,
    ):
        client.create_job(job("true", resources={"instance_count": MOST + 1}))
    assert "RETRAIN_MAX_NODES" in caught.value.remedy


def _ended(client: Client) -> int:
    return sum(run["status"] in FINAL for run in client.list_jobs())


def _most_nodes(stack: LocalStack, done: Event) -> int:
    """The most nodes there ever were in pools that weren't being deleted, by Batch's own word."""
    key = AzureNamedKeyCredential(stack.addresses["batch_account"], stack.addresses["batch_key"])
    most = 0
    with BatchClient(stack.addresses["batch"], key) as batch:
        while not done.wait(0.02):
            pools = [pool for pool in batch.list_pools() if pool.state == "active"]
            nodes = sum(pool.target_dedicated_nodes or 0 for pool in pools)
            most = max(most, nodes)
    return most
