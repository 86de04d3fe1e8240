"""Each way in which compute fails, provoked through the real SDK: what the run says of it.

One row for each failure in docs/failures.md that the emulators can be made to show.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.storage.blob import BlobServiceClient

from retrain.client import Client, Run
from retrain.snapshot import take_snapshot
from tests.flow.local_stack import LocalStack, ended, job, no_compute_left, running_stack

pytestmark = pytest.mark.xdist_group("failures")

DATA = "azureml://datastores/workspaceblobstore/paths/"
ONCE = {"retry": {"max_attempts": 1}}
TWICE = {"retry": {"max_attempts": 2, "backoff": {"initial": 1, "factor": 1, "max": 1}}}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack of its own: its faults would befall other tests' runs."""
    with running_stack(tmp_path_factory.mktemp("failing"), "none", "--port-faults", "0") as started:
        yield started


@pytest.fixture(autouse=True)
def no_faults(stack: LocalStack) -> Iterator[None]:
    yield
    httpx.delete(stack.addresses["faults"], trust_env=False).raise_for_status()


def fault(stack: LocalStack, kind: str, service: str = "batch", **rule: Any) -> None:
    rule = {"service": service, "kind": kind, **rule}
    httpx.post(stack.addresses["faults"], json=rule, trust_env=False).raise_for_status()


def failed(client: Client, document: dict[str, Any]) -> Run:
    """The run once it has failed, with no compute left."""
    run = ended(client, client.create_job(document)["name"])
    assert run["status"] == "Failed", run
    assert no_compute_left(client)
    return run


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """fault: a rule of the emulator.  says, remedy: words on the run.  attempts: it had so many."""

    fault: dict[str, Any]
    code: str
    says: str
    remedy: str
    job: dict[str, Any]
    attempts: int = 1


INPUT = {"inputs": {"wine": {"type": "uri_file", "path": f"{DATA}failures/wine.csv"}}}


def allocation(code: str, says: str, remedy: str, attempts: int = 1, **rule: Any) -> Row:
    return Row(
        fault={"kind": "allocation_failure", "code": code, **rule},
        code=code,
        says=says,
        remedy=remedy,
        job=ONCE if attempts == 1 else TWICE,
        attempts=attempts,
    )


def download(code: str, says: str, remedy: str) -> Row:
    where = {"task": "train"}
    rule = {"kind": "input_download_failure", "code": code, "where": where}
    return Row(fault=rule, code=code, says=says, remedy=remedy, job=INPUT)


ROWS = {
    "quota of cores": allocation(
        "AccountCoreQuotaReached", "may have no more dedicated cores", "Ask for more", attempts=2
    ),
    "quota of low-priority cores": allocation(
        "AccountLowPriorityCoreQuotaReached", "no more low-priority cores", "Ask for more"
    ),
    "quota of a VM family": allocation(
        "AccountVMSeriesCoreQuotaReached", "no more cores of this VM family", "Ask for more"
    ),
    "allocation failed": allocation(
        "AllocationFailed", "has no machine of this VM size to give", "Choose another VM size"
    ),
    "allocation timed out": allocation(
        "AllocationTimedout", "within the time there is", "Choose another VM size"
    ),
    "out of capacity": allocation(
        "InsufficientCapacity", "out of machines of this VM size", "Choose another VM size"
    ),
    "no such size": allocation("UnsupportedVMSize", "no such VM size", "az batch location"),
    "allocation of a kind that nobody has met": allocation(
        "ZonalNova",
        "could not allocate a node: It shone",
        "choose another VM size",
        message="It shone.",
    ),
    "quota of jobs": Row(
        fault={
            "kind": "error",
            "where": {"operation": "create_job"},
            "status": 409,
            "code": "ActiveJobAndScheduleQuotaReached",
        },
        code="ActiveJobAndScheduleQuotaReached",
        says="may have no more jobs at once",
        remedy="wait until other runs give theirs back",
        job=TWICE,
        attempts=2,
    ),
    "node unusable": Row(
        fault={"kind": "unusable_node"},
        code="NodeLost",
        says="became unusable, and Azure Batch has no other one for it: NodeAgentUnreachable",
        remedy="Nothing, if another attempt ends well",
        job=TWICE | {"command": "sleep 300"},
        attempts=2,
    ),
    "node that can't pull its image": Row(
        fault={"kind": "unusable_node", "code": "ContainerInvalidImage", "message": "No such."},
        code="ContainerInvalidImage",
        says="The image could not be pulled: No such.",
        remedy="Check the name of environment.image",
        job=TWICE | {"command": "sleep 300"},
    ),
    "node lost while it worked": Row(
        fault={"kind": "node_loss", "where": {"task": "train"}},
        code="NodeLost",
        says="became unusable",
        remedy="Nothing, if another attempt ends well",
        job=TWICE | {"command": "sleep 300"},
        attempts=2,
    ),
    "image can't be pulled": Row(
        fault={"kind": "image_pull_failure", "message": "manifest unknown"},
        code="ContainerInvalidImage",
        says="The image 'python:3.11-slim' could not be pulled: manifest unknown",
        remedy="Check the name of environment.image",
        job={},
    ),
    "input is gone": download(
        "BlobNotFound", "The input 'wine/wine.csv' is not", "Check the input's path"
    ),
    "input is denied": download("BlobAccessDenied", "may not be read from the node", "firewall"),
    "input breaks off": download("BlobDownloadMiscError", "not be downloaded", "throttled"),
    "no room for the input": download("ResourceFileWriteFailed", "not be stored", "larger disk"),
    "output is denied": Row(
        fault={
            "kind": "output_upload_failure",
            "code": "FileUploadAccessDenied",
            "pattern": "outputs/*",
            "where": {"task": "train"},
        },
        code="FileUploadAccessDenied",
        says="The script had ended, but its output 'outputs/**/*' could not be kept",
        remedy="See whether the container in Blob Storage is there",
        job={"command": "echo 1 > outputs/model"},
    ),
    "failure of a kind that nobody has met": Row(
        fault={"kind": "image_pull_failure", "code": "Nova", "message": "It shone."},
        code="Nova",
        says="Azure Batch ended the script: It shone.",
        remedy="Look the code up",
        job={},
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_failure_says_what_happened_and_what_to_do(
    stack: LocalStack, client: Client, tmp_path: Path, row: Row
) -> None:
    (tmp_path / "wine.csv").write_text("1\n")
    client.upload_data(tmp_path / "wine.csv", "failures/wine.csv")
    fault(stack, **row.fault)
    run = failed(client, job(**{"command": "true", **row.job}))
    error = run["error"]
    assert error is not None
    assert error["code"] == row.code
    assert row.says in error["message"]
    assert row.remedy in error["remedy"]
    assert run["attempt"] == row.attempts, run["timeline"]


def test_a_script_that_takes_too_long(client: Client) -> None:
    run = failed(client, job("sleep 300", limits={"timeout": 1}))
    assert run["error"] == {
        "code": "Timeout",
        "message": "The script was stopped: timeout after 1 s.",
        "remedy": "Raise limits.timeout, or make the script faster.",
    }


def test_code_that_is_damaged_says_what_the_node_said(
    stack: LocalStack, client: Client, tmp_path: Path
) -> None:
    """The preparation's stderr is on the run."""
    (tmp_path / "train.sh").write_text("true\n")
    with take_snapshot(tmp_path) as zipped:
        uri = client.ensure_snapshot(zipped)
    with BlobServiceClient.from_connection_string(stack.addresses["blob"]) as blobs:
        blob = blobs.get_blob_client("snapshots", uri.rpartition("/")[2])
        blob.upload_blob(b"no zip", overwrite=True)
    run = failed(client, job("sh train.sh", code=uri))
    assert run["error"] == {
        "code": "PreparationFailed",
        "message": "The node could not unpack the code: "
        "The snapshot is damaged: File is not a zip file",
        "remedy": "Submit the job again; its snapshot is uploaded anew when it is missing.",
    }


def test_code_that_is_gone(stack: LocalStack, client: Client, tmp_path: Path) -> None:
    (tmp_path / "train.sh").write_text("echo\n")
    with take_snapshot(tmp_path) as zipped:
        uri = client.ensure_snapshot(zipped)
    fault(stack, "input_download_failure", code="BlobNotFound", where={"task": "jobpreparation"})
    error = failed(client, job("sh train.sh", code=uri))["error"]
    assert error is not None
    assert error["code"] == "BlobNotFound"
    assert error["message"].startswith("The node could not get the code: ")


def test_a_spot_node_that_is_taken_away_is_no_failure(stack: LocalStack, client: Client) -> None:
    fault(stack, "preemption", times=1)
    document = job("sleep 1", queue_settings={"job_tier": "spot"})
    run = ended(client, client.create_job(document)["name"])
    assert (run["status"], run["attempt"], run["error"]) == ("Completed", 1, None)
    assert no_compute_left(client)


#: What passes by itself, and of which a run that ends well shows nothing.
PASSING = {
    "throttled": {"kind": "throttle", "where": {"operation": "create_job"}, "times": 2},
    "an outage": {"kind": "error", "status": 503, "times": 3},
    "a connection that is cut": {"kind": "drop", "where": {"operation": "create_task"}, "times": 1},
    "no answer, though it was made": {
        "kind": "drop",
        "where": {"operation": "create_job"},
        "effect": "after",
        "times": 1,
    },
    "storage that is throttled": {"service": "blob", "kind": "throttle", "every": 5, "times": 4},
}


@pytest.mark.parametrize("rule", PASSING.values(), ids=PASSING)
def test_what_passes_is_overcome(stack: LocalStack, client: Client, rule: dict[str, Any]) -> None:
    fault(stack, **rule)
    run = ended(client, client.create_job(job("true"))["name"])
    assert (run["status"], run["attempt"], run["error"]) == ("Completed", 1, None)
    assert no_compute_left(client)


def test_a_pool_that_outlives_its_job_is_seen(stack: LocalStack, client: Client) -> None:
    """The watch leaves it two minutes, and then deletes it (tests/unit/app/test_watch.py)."""
    fault(stack, "leaked_auto_pool")
    run = ended(client, client.create_job(job("true"))["name"])
    assert run["status"] == "Completed"
    assert [pool["run"] for pool in client.compute()["pools"]] == [run["name"]]
