"""Calls to the API: what is repeated, what is one run, and how a refusal comes out."""

from datetime import UTC, datetime

import httpx
import pytest

from retrain.client import ApiError, BadEndpoint, Client, NotRetrain, Unreachable
from tests.unit.cli.api_server import KEY, ApiServer

NOON = datetime(2026, 7, 10, 12, tzinfo=UTC)
JOB = {"command": "echo", "environment": {"image": "python"}}


def test_health_needs_no_key(server: ApiServer) -> None:
    with Client(server.endpoint + "/") as client:
        assert client.health()["status"] == "ok"
        with pytest.raises(ApiError, match="refuses the key") as refused:
            client.compute()
    assert (refused.value.status, refused.value.code) == (401, "Unauthorized")


@pytest.mark.parametrize("status", [429, 502, 503, 504, 0])
def test_not_now_is_asked_again_and_stays_one_run(
    server: ApiServer, client: Client, status: int
) -> None:
    server.fail("POST", "/api/jobs", status, times=2)
    run = client.create_job(JOB)
    assert list(server.runs) == [run["name"]]
    keys = {seen.headers["idempotency-key"] for seen in server.requests("POST", "/api/jobs")}
    assert (len(keys), len(server.requests("POST", "/api/jobs"))) == (1, 3)


def test_a_run_is_one_document_at_one_moment(server: ApiServer, client: Client) -> None:
    first = client.create_job(JOB, NOON)
    again = client.create_job(dict(reversed(JOB.items())), NOON)
    later = client.create_job(JOB, NOON.replace(microsecond=1))
    other = client.create_job({**JOB, "command": "ls"}, NOON)
    assert first["name"] == again["name"]
    assert len({first["name"], later["name"], other["name"]}) == 3


def test_what_stays_unavailable_is_told(server: ApiServer, client: Client) -> None:
    server.fail("GET", "/api/compute", 503, times=9)
    with pytest.raises(ApiError, match="answered 503 Service Unavailable"):
        client.compute()
    assert len(server.requests("GET", "/api/compute")) == 4


def test_a_refusal_is_not_repeated_and_keeps_its_details(server: ApiServer, client: Client) -> None:
    with pytest.raises(ApiError) as refused:
        client.create_job({})
    error = refused.value
    assert (error.status, error.code, error.exit_code) == (422, "InvalidJob", 2)
    assert error.details == ({"field": "command", "message": "is missing"},)
    assert len(server.requests("POST", "/api/jobs")) == 1


def test_pages_are_asked_for_as_they_are_needed(server: ApiServer, client: Client) -> None:
    for number in range(205):
        server.add_run(f"r{number:04}")
    assert [run["name"] for run in client.list_jobs(limit=3)] == ["r0204", "r0203", "r0202"]
    found = client.list_jobs()
    next(found)
    assert len(server.requests("GET", "/api/jobs")) == 2
    assert len(list(found)) == 204
    assert len(server.requests("GET", "/api/jobs")) == 4


def test_names_cannot_leave_their_place_in_the_address(server: ApiServer, client: Client) -> None:
    for name in ("a/../../compute", "a?b", "a#b", "größe %2e"):
        with pytest.raises((ApiError, NotRetrain)):
            client.get_job(name)
    assert server.requests("GET", "/api/compute") == []


def test_nobody_there() -> None:
    with Client("http://127.0.0.1:1", KEY) as client, pytest.raises(Unreachable) as unreachable:
        client.health()
    assert unreachable.value.message.startswith("Nobody answers at http://127.0.0.1:1 (")
    assert unreachable.value.remedy.startswith("Is the stack up? `retrain up`; ")


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "localhost:7071",
        "ftp://x",
        "http://",
        "http://[",
        "http://a:x",
        "http://a?b",
        "file:///etc/passwd",
    ],
)
def test_an_endpoint_that_is_no_address(endpoint: str) -> None:
    with pytest.raises(BadEndpoint, match="is no address"):
        Client(endpoint)


ANSWERS = {
    "a page": (httpx.Response(200, html="<h1>Hello</h1>"), NotRetrain, "text/html"),
    "not found": (httpx.Response(404, text="nope"), NotRetrain, "there is no /api/compute"),
    "odd JSON": (httpx.Response(400, json=[1]), ApiError, "without saying why"),
    "odd error": (httpx.Response(500, json={"error": "x"}), ApiError, "answered 500"),
    "no message": (httpx.Response(409, json={"error": {"code": "x"}}), ApiError, "answered 409"),
}


@pytest.mark.parametrize(("answer", "error", "says"), ANSWERS.values(), ids=ANSWERS)
def test_answers_of_strangers(answer: httpx.Response, error: type[Exception], says: str) -> None:
    transport = httpx.MockTransport(lambda request: answer)
    client = Client("http://x.example", transport=transport)
    with client, pytest.raises(error, match=says):
        client.compute()
