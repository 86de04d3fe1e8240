"""What every request meets: signature, version, paths, bodies, filters, pages."""

import base64
from collections.abc import Iterable
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.core.rest import HttpRequest

from retrain.local.batch import BatchServer
from tests.contract.batch.conftest import (
    add_task,
    auto_pool,
    code_of,
    completed,
    delete_job,
    make_job,
    refusal,
)


@pytest.mark.parametrize(
    ("account", "key"),
    [("retrainlocal", base64.b64encode(b"another").decode()), ("somebody", None)],
    ids=["a wrong key", "a wrong account"],
)
def test_a_wrong_signature_is_refused(server: BatchServer, account: str, key: str | None) -> None:
    credential = AzureNamedKeyCredential(account, key or server.settings.key)
    with BatchClient(server.endpoint, credential, retry_total=0) as client:
        error = refusal(lambda: client.get_job("j"))
    assert isinstance(error, ClientAuthenticationError)
    assert code_of(error) == "AuthenticationFailed"


def send(client: BatchClient, method: str, path: str, **rest: Any) -> Any:
    return client.send_request(HttpRequest(method, path, **rest))


def test_ranges_and_odd_parameters_are_signed_too(client: BatchClient) -> None:
    path = "/jobs?api-version=2025-06-01&timeOut=30&$filter=id eq 'a b+c&d'"
    response = send(client, "GET", path.replace(" ", "%20").replace("+", "%2B").replace("c&d", "c"))
    assert response.status_code == 200
    assert response.json() == {"value": []}


VERSION = "?api-version=2025-06-01"

ODD: dict[str, tuple[str, str, int, str]] = {
    "an unknown path": ("GET", f"/wonders{VERSION}", 400, "InvalidUri"),
    "an unknown part": ("GET", f"/jobs/j/wonders{VERSION}", 400, "InvalidUri"),
    "an unknown verb": ("PATCH", f"/jobs{VERSION}", 405, "UnsupportedHttpVerb"),
    "the root": ("GET", f"/{VERSION}", 400, "InvalidUri"),
    "no version": ("GET", "/jobs", 400, "MissingRequiredQueryParameter"),
    "another version": ("GET", "/jobs?api-version=2019-01-01.1", 400, "UnsupportedRequestVersion"),
    "a page of 0": ("GET", f"/jobs{VERSION}&maxresults=0", 400, "InvalidQueryParameterValue"),
    "a wrong token": ("GET", f"/jobs{VERSION}&$skiptoken=x", 400, "InvalidQueryParameterValue"),
    "no body": ("POST", f"/jobs{VERSION}", 400, "InvalidRequestBody"),
}


@pytest.mark.parametrize(("method", "path", "status", "code"), ODD.values(), ids=ODD)
def test_odd_requests(client: BatchClient, method: str, path: str, status: int, code: str) -> None:
    error = refusal(lambda: send(client, method, path))
    assert (error.status_code, code_of(error)) == (status, code)
    response: Any = error.response
    message = response.json()["message"]
    assert message["lang"] == "en-US"
    assert "RequestId:" in message["value"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"3", b"null", b'"x"', b"\xff", b"{} {}"])
def test_bodies_that_are_no_object(client: BatchClient, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    error = refusal(lambda: send(client, "POST", f"/jobs{VERSION}", content=body, headers=headers))
    assert (error.status_code, code_of(error)) == (400, "InvalidRequestBody")


def test_a_collection_over_the_limit_is_split_by_the_sdk(client: BatchClient) -> None:
    job = make_job(client, pool_info=auto_pool(nodes=0))
    big = [batch.EnvironmentSetting(name="X", value="x" * 30_000)]
    tasks = [
        batch.BatchTaskCreateOptions(id=f"t{n}", command_line="x", environment_settings=big)
        for n in range(40)
    ]
    group = batch.BatchTaskGroup(task_values=tasks)
    error = refusal(lambda: client.create_task_collection(job, group))
    assert (error.status_code, code_of(error)) == (413, "RequestBodyTooLarge")
    delete_job(client, job)


def names(found: Iterable[Any]) -> list[str]:
    return [item.id for item in found]


@pytest.fixture(scope="module")
def many(client: BatchClient) -> str:
    """25 tasks that wait, and one that failed."""
    job = make_job(client, pool_info=auto_pool(nodes=1))
    add_task(client, job, "exit 2", task="failed")
    failed = completed(client, job, "failed").execution_info
    assert failed is not None
    assert failed.exit_code == 2, failed.as_dict()
    pool = client.get_job(job).execution_info
    assert pool is not None
    assert pool.pool_id is not None
    client._resize_pool_internal(
        pool.pool_id, batch.BatchPoolResizeOptions(target_dedicated_nodes=0)
    )
    tasks = [batch.BatchTaskCreateOptions(id=f"t{n:02}", command_line="x") for n in range(25)]
    client.create_tasks(job, tasks)
    return job


def test_pages(client: BatchClient, server: BatchServer, many: str) -> None:
    before = server.calls["list_tasks"]
    found = names(client.list_tasks(many, max_results=10))
    assert sorted(found) == ["failed", *(f"t{n:02}" for n in range(25))]
    assert server.calls["list_tasks"] - before == 3
    paged = client.list_tasks(many, max_results=10, filter="state eq 'active'").by_page()
    assert [len(list(page)) for page in paged] == [10, 10, 5]


FILTERS = {
    "state eq 'completed'": ["failed"],
    "state eq 'active' and startswith(id, 't0')": [f"t0{n}" for n in range(10)],
    "id eq 't03' or id eq 'T04'": ["t03", "t04"],
    "not (id ge 't') and state ne 'active'": ["failed"],
    "executionInfo/exitCode eq 2": ["failed"],
    "executionInfo/exitCode gt 2": [],
    "executionInfo/result eq 'failure'": ["failed"],
    "executionInfo/endTime lt 2100-01-01T00:00:00Z": ["failed"],
    "creationTime gt datetime'2100-01-01T00:00:00Z'": [],
    "executionInfo/failureInfo/code eq 'FailureExitCode'": ["failed"],
}


@pytest.mark.parametrize(("text", "ids"), FILTERS.items(), ids=FILTERS)
def test_filters(client: BatchClient, many: str, text: str, ids: list[str]) -> None:
    assert sorted(names(client.list_tasks(many, filter=text))) == ids


@pytest.mark.parametrize(
    "text", ["state", "state eq", "state is 'x'", "id eq 'x", "contains(id,'x')", "(id eq 'x'", "§"]
)
def test_filters_that_are_none(client: BatchClient, text: str) -> None:
    error = refusal(lambda: list(client.list_jobs(filter=text)))
    assert (error.status_code, code_of(error)) == (400, "InvalidQueryParameterValue")


def test_select(client: BatchClient, many: str) -> None:
    task = client.get_task(many, "failed", select=["id", "executionInfo"])
    assert set(task) == {"id", "executionInfo"}
    (job,) = client.list_jobs(filter=f"id eq '{many}'", select=["id", "state"])
    assert set(job) == {"id", "state"}
