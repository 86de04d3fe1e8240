"""The kill switch on a live stack: everything of ours goes, nothing else, and nothing starts."""

import json
from collections.abc import Iterator

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch
from azure.core.credentials import AzureNamedKeyCredential
from typer.testing import CliRunner, Result

from retrain.cli.app import app
from retrain.client import Client
from tests.contract.batch.conftest import auto_pool, new_pool
from tests.flow.local_stack import LocalStack, ended, eventually, job, running_stack

pytestmark = pytest.mark.xdist_group("drain-stack")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with running_stack(tmp_path_factory.mktemp("drain")) as started:
        yield started


@pytest.fixture
def service(stack: LocalStack) -> Iterator[BatchClient]:
    key = AzureNamedKeyCredential(stack.addresses["batch_account"], stack.addresses["batch_key"])
    with BatchClient(stack.addresses["batch"], key) as client:
        yield client


def retrain(stack: LocalStack, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    monkeypatch.setenv("RETRAIN_CONFIG", str(stack.data / "profiles.toml"))
    return CliRunner().invoke(app, words)


def statuses(client: Client, names: list[str]) -> set[str]:
    return {client.get_job(name)["status"] for name in names}


def test_all_of_ours_ends_and_nothing_else(
    stack: LocalStack, service: BatchClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    _somebody_elses(service)
    theirs = _there(service)
    with stack.client() as client:
        client.create_compute({"name": "cpu", "type": "amlcompute", "min_instances": 1})
        own = [client.create_job(job("sleep 600"))["name"] for _ in range(3)]
        shared = client.create_job(job("sleep 600", compute="azureml:cpu"))["name"]
        assert eventually(lambda: statuses(client, [*own, shared]) == {"Running"})
        drained = retrain(stack, monkeypatch, "compute", "drain", "--yes", "--by", "anna", "--json")
        assert drained.exit_code == 0, drained.output
        found = json.loads(drained.stdout)
        assert set(found["runs"]) == {*own, shared}
        assert {f"retrain-{name}-1" for name in found["runs"]} == set(found["jobs"])
        assert "retrain-compute-cpu" in found["pools"]
        for name in [*own, shared]:
            run = ended(client, name)
            assert run["status"] == "Canceled"
            assert run["timeline"][-1]["note"] == "drained by anna"
    assert _there(service) == theirs
    _gone(service)


def test_nothing_starts_until_it_is_resumed(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stack.client() as client:
        client.create_compute({"name": "gpu", "type": "amlcompute", "min_instances": 1})
        assert retrain(stack, monkeypatch, "compute", "drain", "--yes").exit_code == 0
        waiting = client.create_job(job("true"))["name"]
        assert eventually(lambda: statuses(client, [waiting]) == {"Queued"})
        assert "`retrain compute resume`" in client.get_job(waiting)["timeline"][-1]["note"]
        assert client.health()["compute"] == "held"
        assert "Held by " in retrain(stack, monkeypatch, "compute", "list").stdout
        assert "Compute is held" in retrain(stack, monkeypatch, "job", "list").stderr
    stack.kill()  # what is held stays held
    stack.start()
    with stack.client() as client:
        assert client.compute()["jobs"] == []
        assert statuses(client, [waiting]) == {"Queued"}
        resumed = retrain(stack, monkeypatch, "compute", "resume")
        assert resumed.stdout == "Runs may start again; 1 had to wait.\n"
        assert ended(client, waiting)["status"] == "Completed"
        assert client.health()["compute"] == "open"
        assert eventually(lambda: client.get_compute("gpu")["nodes"]["current"] == 1)


def _somebody_elses(service: BatchClient) -> None:
    """A pool and a job beside ours, one with an id like ours."""
    service.create_pool(new_pool("their-pool", nodes=0))
    for name in ("their-job", "retrain-like"):
        options = batch.BatchJobCreateOptions(
            id=name, pool_info=auto_pool() if name != "their-job" else _their_pool()
        )
        service.create_job(options)


def _their_pool() -> batch.BatchPoolInfo:
    return batch.BatchPoolInfo(pool_id="their-pool")


def _there(service: BatchClient) -> set[str]:
    jobs, pools = [*service.list_jobs()], [*service.list_pools()]
    return {str(job.id) for job in jobs} | {str(pool.id) for pool in pools}


def _gone(service: BatchClient) -> None:
    for name in ("their-job", "retrain-like"):
        service._delete_job_internal(name)
    assert eventually(lambda: not [*service.list_jobs()])
