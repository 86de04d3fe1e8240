"""What the API answers to those who ask wrongly."""

from typing import Any

import httpx
import pytest

from retrain.client import Client
from tests.flow.local_stack import LocalStack, ended, job

pytestmark = pytest.mark.xdist_group("stack")


@pytest.fixture
def http(stack: LocalStack) -> Any:
    headers = {"x-functions-key": stack.addresses["key"]}
    with httpx.Client(base_url=stack.addresses["api"], headers=headers) as connected:
        yield connected


BAD: dict[str, tuple[str, str, dict[str, Any], int, str]] = {
    "no JSON": ("POST", "/api/jobs", {"content": b"{no"}, 422, "InvalidRequest"),
    "no object": ("POST", "/api/jobs", {"json": [1]}, 422, "InvalidRequest"),
    "too large": ("POST", "/api/jobs", {"content": b" " * 1_100_000}, 413, "BodyTooLarge"),
    "unknown field": (
        "POST", "/api/jobs", {"json": job("x", comand="y")}, 422, "InvalidDocument",
    ),
    "no command": (
        "POST", "/api/jobs", {"json": {"environment": {"image": "a"}}}, 422, "InvalidDocument",
    ),
    "local path": ("POST", "/api/jobs", {"json": job("x", code="./src")}, 422, "InvalidDocument"),
    "unknown compute": (
        "POST", "/api/jobs", {"json": job("x", compute="azureml:gpu")}, 422, "ComputeNotFound",
    ),
    "unknown run": ("GET", "/api/jobs/none", {}, 404, "RunNotFound"),
    "cancel of an unknown run": ("POST", "/api/jobs/none/cancel", {}, 404, "RunNotFound"),
    "logs of an unknown run": ("GET", "/api/jobs/none/logs", {}, 404, "RunNotFound"),
    "odd status": ("GET", "/api/jobs?status=Done", {}, 422, "InvalidRequest"),
    "odd log": ("GET", "/api/jobs/none/logs?file=../x", {}, 422, "InvalidRequest"),
    "control characters": ("GET", "/api/schedules/%08", {}, 404, "NoSuchName"),
    "unknown schedule": ("DELETE", "/api/schedules/none", {}, 404, "ScheduleNotFound"),
    "odd digest": ("POST", "/api/snapshots/xyz", {}, 422, "BadDigest"),
    "path out of the container": (
        "POST", "/api/data", {"json": {"files": [{"path": "../x"}]}}, 422, "BadPath",
    ),
    "unknown route": ("GET", "/api/nothing", {}, 404, "NoSuchRoute"),
    "wrong method": ("PUT", "/api/jobs", {}, 405, "MethodNotAllowed"),
}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "sent", "status", "code"), BAD.values(), ids=BAD)
def test_a_clear_error(
    http: httpx.Client, method: str, path: str, sent: dict[str, Any], status: int, code: str
) -> None:
    answer = http.request(method, path, **sent)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"] == code
    assert error["message"]
    assert "Traceback" not in answer.text


def test_a_key_is_needed_for_all_but_health(stack: LocalStack) -> None:
    api = stack.addresses["api"]
    assert httpx.get(f"{api}/api/jobs").status_code == 401
    assert httpx.get(f"{api}/api/jobs", headers={"x-functions-key": "no"}).status_code == 401
    assert httpx.get(f"{api}/api/health").json()["status"] == "ok"


def test_the_open_api_document_names_every_route(http: httpx.Client) -> None:
    paths = http.get("/api/openapi.json").json()["paths"]
    assert {"/api/jobs", "/api/jobs/{name}/logs", "/api/schedules", "/api/compute"} <= set(paths)


def test_a_request_sent_twice_is_one_run(http: httpx.Client, client: Client) -> None:
    headers = {"Idempotency-Key": "the same"}
    answers = [http.post("/api/jobs", json=job("true"), headers=headers) for _ in range(2)]
    assert len({answer.json()["name"] for answer in answers}) == 1
    other = http.post("/api/jobs", json=job("false"), headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "IdempotencyKeyReused")
    assert ended(client, answers[0].json()["name"])["status"] == "Completed"


def test_lists_are_newest_first_filtered_and_paged(client: Client, http: httpx.Client) -> None:
    names = [client.create_job(job("true", experiment_name="listed"))["name"] for _ in range(3)]
    for name in names:
        ended(client, name)
    first = http.get("/api/jobs", params={"experiment": "listed", "limit": 2}).json()
    assert [run["name"] for run in first["jobs"]] == names[:0:-1]
    query = {"experiment": "listed", "limit": 2, "before": first["next"]}
    second = http.get("/api/jobs", params=query).json()
    assert ([run["name"] for run in second["jobs"]], second["next"]) == (names[:1], None)
    assert not http.get("/api/jobs?experiment=listed&status=Failed").json()["jobs"]
