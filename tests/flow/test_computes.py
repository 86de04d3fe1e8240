"""Named computes on a live stack, where five minutes between two evaluations are five seconds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from retrain.client import ApiError, Client
from retrain.snapshot import take_snapshot
from tests.flow.local_stack import (
    LocalStack,
    ended,
    eventually,
    job,
    no_compute_left,
    running_stack,
    stdout,
)

pytestmark = pytest.mark.xdist_group("computes-stack")

OPTIONS = ("--batch-speed", "60", "--port-faults", "0")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    folder = tmp_path_factory.mktemp("computes")
    with running_stack(folder, "none", *OPTIONS) as started:
        yield started


def compute(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "type": "amlcompute", "size": "Standard_D2s_v3", **fields}


def nodes(client: Client, name: str) -> dict[str, int]:
    found: dict[str, int] = client.get_compute(name)["nodes"]
    return found


def on(name: str, command: str, **fields: Any) -> dict[str, Any]:
    return job(command, compute=f"azureml:{name}", **fields)


def test_from_nothing_to_many_runs_and_back(stack: LocalStack, tmp_path: Path) -> None:
    """Three runs on two nodes: two meet, one waits; then all nodes are given back."""
    code = tmp_path / "code"
    code.mkdir()
    # Each says that it is there, and waits for another: two run at once, or none ever ends.
    (code / "meet.sh").write_text(
        'echo $$ > "$1/$AZUREML_RUN_ID"\n'
        'while [ $(ls "$1" | wc -l) -lt 2 ]; do sleep 0.05; done\n'
        'echo "$AZ_BATCH_POOL_ID"; echo m > outputs/model\n'
    )
    there = tmp_path / "there"
    there.mkdir()
    with stack.client() as client, take_snapshot(code) as zipped:
        uri = client.ensure_snapshot(zipped)
        created = client.create_compute(compute("CPU-cluster", max_instances=2))
        assert (created["nodes"]["current"], created["errors"]) == (0, [])
        command = f"sh meet.sh {there}"
        names = [client.create_job(on("cpu-cluster", command, code=uri))["name"] for _ in range(3)]
        runs = [ended(client, name) for name in names]
        assert [run["status"] for run in runs] == ["Completed"] * 3, runs
        assert {stdout(client, name) for name in names} == {"retrain-compute-cpu-cluster\n"}
        kept = {file["path"] for file in client.outputs(names[0])}
        assert kept == {"outputs/model", "stdout.txt", "stderr.txt"}
        assert no_compute_left(client), "the jobs are gone, and the pool is nobody's leak"
        assert nodes(client, "cpu-cluster")["target"] <= 2
        assert eventually(lambda: nodes(client, "cpu-cluster")["current"] == 0)
        client.delete_compute("cpu-cluster")
        client.delete_compute("cpu-cluster")
        assert client.list_computes() == []


def test_it_is_not_deleted_or_changed_under_its_runs(stack: LocalStack, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    with stack.client() as client:
        client.create_compute(compute("busy", min_instances=1))
        name = client.create_job(on("busy", f"until test -e {flag}; do sleep 0.05; done"))["name"]
        assert eventually(lambda: nodes(client, "busy")["running"] == 1)
        with pytest.raises(ApiError, match=f"in use by run {name}"):
            client.delete_compute("busy")
        with pytest.raises(ApiError, match="that can't be changed"):
            client.create_compute(compute("busy", tier="low_priority"))
        assert client.update_compute("busy", {"min_instances": 0})["min_instances"] == 0
        flag.touch()
        assert ended(client, name)["status"] == "Completed"
        assert eventually(lambda: nodes(client, "busy")["current"] == 0)
        client.delete_compute("busy")


def test_a_compute_that_is_not_there_is_told_at_once(stack: LocalStack) -> None:
    with stack.client() as client:
        client.create_compute(compute("gpu-cluster"))
        with pytest.raises(ApiError, match="did you mean 'gpu-cluster'") as caught:
            client.create_job(on("gpu-clutser", "true"))
        assert "retrain compute create --name gpu-clutser" in caught.value.remedy
        assert ended(client, client.create_job(job("true", compute="local"))["name"])
        client.delete_compute("gpu-cluster")


def test_after_a_node_is_taken_away_the_attempt_goes_on_with_the_next(
    stack: LocalStack, tmp_path: Path
) -> None:
    """And Azure has no other one for a while: the run waits for it, and says so."""
    flag, faults = tmp_path / "flag", stack.addresses["faults"]
    with stack.client() as client:
        client.create_compute(compute("spot", tier="low_priority", min_instances=1))
        name = client.create_job(on("spot", f"until test -e {flag}; do sleep 0.05; done"))["name"]
        assert eventually(lambda: client.get_job(name)["status"] == "Running")
        assert eventually(lambda: nodes(client, "spot")["running"] == 1)
        rule = {"service": "batch", "kind": "allocation_failure", "code": "AllocationFailed"}
        for url, body in (
            (faults, rule),
            (faults.replace("/faults", "/batch/preempt"), {"pool": "retrain-compute-spot"}),
        ):
            assert httpx.post(url, json=body, trust_env=False).is_success
        assert eventually(lambda: client.get_job(name)["status"] == "Provisioning")
        assert httpx.put(faults, json={}, trust_env=False).is_success
        flag.touch()
        run = ended(client, name)
        assert (run["status"], run["attempt"]) == ("Completed", 1)
        assert run["requeues"] >= 1
        assert any("taken away" in moment["note"] for moment in run["timeline"])
        client.delete_compute("spot")


def test_a_pool_that_somebody_deleted_is_made_again(stack: LocalStack) -> None:
    """The run that waits for it gets its node."""
    with stack.client() as client:
        client.create_compute(compute("lost"))
        first = client.get_compute("lost")["pool"]
        _delete_pool(stack, first)
        assert eventually(lambda: client.get_compute("lost")["provisioning_state"] == "Succeeded")
        assert ended(client, client.create_job(on("lost", "true"))["name"])["status"] == "Completed"
        client.delete_compute("lost")


def test_a_killed_stack_goes_on_with_its_computes(stack: LocalStack, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    with stack.client() as client:
        client.create_compute(compute("kept", min_instances=1))
        command = f"until test -e {flag}; do sleep 0.05; done; echo through"
        names = [client.create_job(on("kept", command))["name"] for _ in range(2)]
        assert eventually(lambda: nodes(client, "kept")["running"] == 1)
    stack.kill()
    flag.touch()
    stack.start(*OPTIONS)
    with stack.client() as client:
        runs = [ended(client, name) for name in names]
        assert [run["status"] for run in runs] == ["Completed"] * 2, runs
        assert {stdout(client, name) for name in names} == {"through\n"}
        assert no_compute_left(client)
        assert nodes(client, "kept")["current"] == 1, "it has its minimum"
        client.delete_compute("kept")


def _delete_pool(stack: LocalStack, pool: str) -> None:
    from azure.batch import BatchClient
    from azure.core.credentials import AzureNamedKeyCredential
    from azure.core.rest import HttpRequest

    key = AzureNamedKeyCredential(stack.addresses["batch_account"], stack.addresses["batch_key"])
    with BatchClient(stack.addresses["batch"], key) as batch:
        request = HttpRequest("DELETE", f"/pools/{pool}?api-version=2025-06-01")
        batch.send_request(request).raise_for_status()
