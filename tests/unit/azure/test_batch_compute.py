"""Compute over the real Batch client: what each answer of the service comes to."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from azure.storage.blob import BlobServiceClient
from urllib3.exceptions import ProtocolError

from shared.app.orders import order_for
from shared.azure.accounts import Accounts
from shared.azure.batch_compute import BatchCompute
from shared.azure.batch_inventory import BatchInventory
from shared.azure.batch_models import Node, task_for
from shared.azure.blob_links import BlobLinks
from shared.domain.errors import Refused, Scarce, Transient
from shared.domain.status import Status
from shared.ports.compute import InputFile, OutputPlace
from tests.factories import NOON, RUN, a_job, a_run
from tests.unit.azure.canned import ENDPOINT, Canned, refusal

NODE: Final = Node(
    "Standard_D2s_v3", "microsoft-dsvm", "ubuntu-hpc", "2204", "batch.node.ubuntu 22.04"
)
KEY: Final = f"{RUN}-1"
JOB: Final = f"/jobs/retrain-{KEY}"
MADE = ["POST /jobs", f"POST {JOB}/tasks", f"PATCH {JOB}"]
CODE: Final = f"azureml://datastores/workspaceworkingdirectory/paths/{'a' * 64}.zip"
ORDER: Final = order_for(a_run(Status.PROVISIONING, job=a_job(code=CODE, limits={"timeout": 60})))


def compute(canned: Canned) -> BatchCompute:
    blobs = BlobServiceClient("http://127.0.0.1:1/devstoreaccount1", credential="a2V5")
    return BatchCompute(canned.client(), BlobLinks(blobs, "a2V5", lambda: NOON), NODE)


CREATED, UPDATED = (201, None), (200, None)
CUT: Final = requests.ConnectionError(ProtocolError("cut"))
#: The service's answers, and what is asked of it.
PROVISIONED: dict[str, tuple[list[tuple[int, dict[str, Any] | None] | Exception], list[str]]] = {
    "the first time": ([CREATED, CREATED, UPDATED], MADE),
    "died after the job": ([refusal(409, "JobExists"), CREATED, UPDATED], MADE),
    "died after the task": (
        [refusal(409, "JobExists"), refusal(409, "TaskExists"), UPDATED],
        MADE,
    ),
    "an outage that passes": (
        [refusal(503, "ServerBusy"), CREATED, CREATED, UPDATED],
        [MADE[0], *MADE],
    ),
    "an outage that made it": (
        [refusal(503, "ServerBusy"), refusal(409, "JobExists"), CREATED, UPDATED],
        [MADE[0], *MADE],
    ),
    "nobody is there for a moment": (
        [requests.ConnectionError("refused"), CREATED, CREATED, UPDATED],
        [MADE[0], *MADE],
    ),
    "no answer, though it was made": (
        [CREATED, CUT, refusal(409, "TaskExists"), UPDATED],
        [*MADE[:2], MADE[1], MADE[2]],
    ),
    "repeated after its end": ([refusal(409, "JobExists"), refusal(409, "JobCompleted")], MADE[:2]),
    "repeated after somebody deleted it": ([refusal(409, "JobBeingDeleted")], MADE[:1]),
    "repeated at its end": (
        [refusal(409, "JobExists"), refusal(409, "TaskExists"), refusal(409, "JobBeingTerminated")],
        MADE,
    ),
}


@pytest.mark.parametrize(("answers", "asked"), PROVISIONED.values(), ids=PROVISIONED)
def test_provisioning_ends_with_one_job_and_one_task(
    answers: list[tuple[int, dict[str, Any] | None]], asked: list[str]
) -> None:
    canned = Canned(*answers)
    compute(canned).provision(ORDER)
    assert canned.asked == asked


#: The service's answers, and the error they come to.
UNPROVISIONED: dict[str, tuple[list[tuple[int, dict[str, Any] | None]], type[Exception], str]] = {
    "a lasting outage": ([refusal(503, "ServerBusy")] * 3, Transient, "ServerBusy"),
    "too many jobs": (
        [refusal(409, "ActiveJobAndScheduleQuotaReached")],
        Scarce,
        "ActiveJobAndScheduleQuotaReached",
    ),
    "a bad size": (
        [refusal(400, "InvalidPropertyValue")],
        Refused,
        "InvalidPropertyValue",
    ),
    "a wrong key": ([refusal(403, "AuthenticationFailed")], Refused, "AuthenticationFailed"),
    "gone meanwhile": ([CREATED, refusal(404, "JobNotFound")], Transient, "Transient"),
}


@pytest.mark.parametrize(("answers", "error", "code"), UNPROVISIONED.values(), ids=UNPROVISIONED)
def test_what_can_not_be_provisioned(
    answers: list[tuple[int, dict[str, Any] | None]], error: type[Exception], code: str
) -> None:
    with pytest.raises(error) as caught:
        compute(Canned(*answers)).provision(ORDER)
    assert getattr(caught.value, "code", None) == code


GONE: dict[str, tuple[int, dict[str, Any] | None]] = {
    "accepted": (202, None),
    "not there": refusal(404, "JobNotFound"),
    "being deleted": refusal(409, "JobBeingDeleted"),
}


@pytest.mark.parametrize("answer", GONE.values(), ids=GONE)
def test_taking_down_is_one_delete(answer: tuple[int, dict[str, Any] | None]) -> None:
    """No poller of the SDK's, which would go on asking for minutes in a thread of its own."""
    canned = Canned(answer)
    compute(canned).take_down(KEY)
    assert canned.asked == [f"DELETE {JOB}"]


@pytest.mark.parametrize(
    "answer",
    [(202, None), refusal(404, "PoolNotFound"), refusal(409, "PoolBeingDeleted")],
)
def test_dropping_a_pool_is_one_delete(answer: tuple[int, dict[str, Any] | None]) -> None:
    canned = Canned(answer)
    BatchInventory(canned.client()).drop_pool("retrain-pool")
    assert canned.asked == ["DELETE /pools/retrain-pool"]


def test_an_outage_while_taking_down_comes_again() -> None:
    with pytest.raises(Transient):
        compute(Canned(*[refusal(503, "ServerBusy")] * 3)).take_down(KEY)


def test_no_such_attempt_has_no_report() -> None:
    assert compute(Canned(refusal(404, "JobNotFound"))).report(KEY) is None


def test_what_batch_is_asked_for() -> None:
    canned = Canned(CREATED, CREATED, UPDATED)
    compute(canned).provision(ORDER)
    job, task, patch = canned.bodies
    assert job["id"] == f"retrain-{KEY}"
    assert {"name": "retrain-run", "value": RUN} in job["metadata"]
    auto = job["poolInfo"]["autoPoolSpecification"]
    assert (auto["poolLifetimeOption"], auto["keepAlive"]) == ("job", False)
    assert {"name": "retrain-attempt", "value": KEY} in auto["pool"]["metadata"]
    assert job["constraints"]["maxWallClockTime"] == "PT01H01M00S"
    assert task["constraints"]["maxWallClockTime"] == "PT01M00S"
    assert [file["filePattern"] for file in task["outputFiles"]][-1] == "../ended.txt"
    assert patch == {"onAllTasksComplete": "terminatejob"}


def test_no_key_of_ours_travels_and_addresses_end() -> None:
    canned = Canned(CREATED, CREATED, UPDATED)
    compute(canned).provision(ORDER)
    text = str(canned.bodies)
    assert "a2V5" not in text
    ends = (NOON + ORDER.timeout + timedelta(hours=1)).strftime("se=%Y-%m-%dT%H")
    assert ends in text
    assert "sp=cw" in text
    assert "sp=r&" in text


def test_lists_are_one_call_each_while_nothing_is_there() -> None:
    canned = Canned((200, {"value": []}), (200, {"value": []}))
    inventory = BatchInventory(canned.client())
    assert not inventory.attempts()
    assert not inventory.pools()
    assert canned.asked == ["GET /jobs", "GET /pools"]


def test_jobs_are_read_page_by_page() -> None:
    made = "2026-03-10T12:00:00.1234567Z"
    mine = [{"name": "retrain-run", "value": RUN}, {"name": "other", "value": "x"}]
    first = {"id": f"retrain-{KEY}", "state": "completed", "creationTime": made, "metadata": mine}
    other = {"id": "retrain-like", "state": "deleting", "creationTime": made}
    canned = Canned(
        refusal(503, "ServerBusy"),
        (200, {"value": [first], "odata.nextLink": f"{ENDPOINT}/jobs?$skiptoken=x"}),
        (200, {"value": [other]}),
    )
    one, two = BatchInventory(canned.client()).attempts()
    assert canned.asked == ["GET /jobs"] * 3
    assert (one.key, one.run, one.ended, one.deleting) == (KEY, RUN, True, False)
    assert (two.key, two.run, two.ended, two.deleting) == ("like", "", False, True)
    assert one.created_at == NOON.replace(microsecond=123456)


def test_what_the_service_says_no_to_is_told() -> None:
    with pytest.raises(Refused):
        BatchInventory(Canned(refusal(403, "AuthenticationFailed")).client()).attempts()


def test_outputs_of_their_own_place_are_signed_for_writing_and_come_before_the_marker() -> None:
    places = (
        OutputPlace(".outputs/model", "mine", "models/1/", folder=True),
        OutputPlace(".outputs/report", "mine", "r.txt", folder=False),
    )
    public = InputFile("", "", ".inputs/x/x.csv", folder=False, public="https://x.org/x.csv")
    blobs = BlobServiceClient("http://127.0.0.1:1/devstoreaccount1", credential="a2V5")
    task = task_for(
        replace(ORDER, outputs=places, inputs=[public]), BlobLinks(blobs, "a2V5", lambda: NOON)
    )
    assert [file.http_url for file in task.resource_files or ()] == ["https://x.org/x.csv"]
    told = [
        (file.file_pattern, file.destination.container.path, file.destination.container)
        for file in task.output_files or ()
        if file.destination.container
    ]
    assert [one[:2] for one in told[:3]] == [
        (".outputs/model/**/*", "models/1"),
        (".outputs/model/**/.*", "models/1"),
        (".outputs/report", "r.txt"),
    ]
    assert told[-1][0] == "../ended.txt"
    for _, _, container in told[:3]:
        query = parse_qs(urlsplit(container.container_url).query)
        assert "/mine?" in container.container_url
        assert query["sp"] == ["cw"], "no reading, no deleting, no listing"


def test_another_account_is_entered_by_an_identity_or_not_at_all() -> None:
    own = BlobServiceClient("http://127.0.0.1:1/devstoreaccount1", credential="a2V5")
    alone = Accounts(own)
    assert alone.service("") is own
    assert alone.service("devstoreaccount1") is own
    with pytest.raises(Refused, match="no identity"):
        alone.service("other")
    made: list[tuple[str, str]] = []

    def connect(account: str, cloud: str) -> BlobServiceClient:
        made.append((account, cloud))
        return BlobServiceClient(f"https://{account}.blob.{cloud}")

    german = BlobServiceClient("https://mine.blob.core.cloudapi.de")
    accounts = Accounts(german, connect)
    assert accounts.service("other") is accounts.service("other")
    assert made == [("other", "core.cloudapi.de")]


REQUEUED = {
    "waits for a node again": ("active", None, ("provisioning", True, 2)),
    "runs again": ("running", None, ("running", False, 2)),
    "is over": ("completed", 0, ("ended", False, 2)),
}


@pytest.mark.parametrize(("state", "code", "told"), REQUEUED.values(), ids=REQUEUED)
def test_how_often_the_service_began_anew_is_told(
    state: str, code: int | None, told: tuple[str, bool, int]
) -> None:
    info = {"retryCount": 0, "requeueCount": 2, "startTime": "2026-03-10T12:00:00Z"}
    task = {"id": "train", "state": state, "executionInfo": {**info, "exitCode": code}}
    report = compute(Canned((200, task))).report(KEY)
    assert report is not None
    assert (report.phase, report.requeued, report.requeues) == told


def test_of_several_nodes_the_one_that_could_not_prepare_tells() -> None:
    """The task waits for all of them, and would wait for ever."""
    settings = [{"name": "RETRAIN_CODE", "value": "a.zip"}]
    task = {"id": "train", "state": "active", "environmentSettings": settings}
    went = {"startTime": "2026-03-10T12:00:00Z", "state": "completed", "result": "success"}
    failed = {**went, "result": "failure", "exitCode": 3}
    nodes = [{"nodeId": str(n), "jobPreparationTaskExecutionInfo": info}
             for n, info in enumerate((went, failed))]  # fmt: skip
    report = compute(Canned((200, task), (200, {"value": nodes}))).report(KEY)
    assert report is not None
    assert (report.phase, report.cause) == ("ended", "configuration")
