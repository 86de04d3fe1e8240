"""Headers that matter: conditions on every kind of thing, client request ids, dates, signatures."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from azure.batch import BatchClient
from azure.batch import models as batch
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

from retrain.local.batch import BatchServer
from retrain.local.batch.shared_key import SharedKey
from tests.contract.batch.conftest import (
    add_task,
    auto_pool,
    delete_job,
    make_job,
    new_pool,
)

VERSION = "api-version=2025-06-01"
LONG_AGO = "Tue, 24 Nov 1998 00:00:00 GMT"
FUTURE = "Tue, 24 Nov 2099 00:00:00 GMT"


def send(client: BatchClient, method: str, path: str, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.send_request(HttpRequest(method, f"{path}?{VERSION}", headers=named))


@pytest.fixture(scope="module")
def paths(client: BatchClient) -> dict[str, str]:
    client.create_pool(new_pool("tagged", nodes=0))
    job = make_job(client, "tagged-job", pool_info=batch.BatchPoolInfo(pool_id="tagged"))
    add_task(client, job)
    client.create_job_schedule(
        batch.BatchJobScheduleCreateOptions(
            id="tagged-schedule",
            schedule=batch.BatchJobScheduleConfiguration(),
            job_specification=batch.BatchJobSpecification(
                pool_info=batch.BatchPoolInfo(pool_id="tagged")
            ),
        )
    )
    return {
        "pool": "/pools/tagged",
        "job": f"/jobs/{job}",
        "task": f"/jobs/{job}/tasks/t",
        "schedule": "/jobschedules/tagged-schedule",
    }


#: Headers (TAG is the present ETag) and the status of a GET and of a change with them.
CONDITIONS: dict[str, tuple[dict[str, str], int, bool]] = {
    "the present tag": ({"if_match": "TAG"}, 200, True),
    "another tag": ({"if_match": '"0x1"'}, 412, False),
    "one of some tags": ({"if_match": '"0x1", TAG'}, 200, True),
    "any": ({"if_match": "*"}, 200, True),
    "not the present tag": ({"if_none_match": "TAG"}, 304, False),
    "not another tag": ({"if_none_match": '"0x1"'}, 200, True),
    "changed since long ago": ({"if_modified_since": LONG_AGO}, 200, True),
    "not changed since": ({"if_modified_since": FUTURE}, 304, False),
    "unchanged since then": ({"if_unmodified_since": FUTURE}, 200, True),
    "changed meanwhile": ({"if_unmodified_since": LONG_AGO}, 412, False),
}
KINDS = ("pool", "job", "task", "schedule")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("headers", "status", "met"), CONDITIONS.values(), ids=CONDITIONS)
def test_conditions(
    client: BatchClient,
    paths: dict[str, str],
    kind: str,
    headers: dict[str, str],
    status: int,
    met: bool,
) -> None:
    path = paths[kind]
    seen = status_of(lambda: send(client, "GET", path))
    assert seen.status == 200
    asked = {name: value.replace("TAG", seen.tag) for name, value in headers.items()}
    assert status_of(lambda: send(client, "GET", path, **asked)).status == status
    if kind != "task" and not met:  # a DELETE that must not be done
        assert status_of(lambda: send(client, "DELETE", path, **asked)).status == 412
        assert status_of(lambda: send(client, "GET", path)).tag == seen.tag


@dataclass(slots=True)
class Seen:
    status: int
    tag: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def status_of(call: Callable[[], Any]) -> Seen:
    try:
        response = call()
    except HttpResponseError as error:
        response = error.response
    return Seen(response.status_code, response.headers.get("etag", ""), dict(response.headers))


def test_every_change_makes_another_tag(client: BatchClient) -> None:
    job = make_job(client, pool_info=auto_pool(nodes=0))
    tags = [client.get_job(job).etag]
    for priority in range(5):
        client.update_job(job, batch.BatchJobUpdateOptions(priority=priority))
        tags.append(client.get_job(job).etag)
    assert len(set(tags)) == 6
    delete_job(client, job)


def signed(server: BatchServer, **headers: str) -> dict[str, str]:
    """Headers of a GET of /jobs, signed by hand."""
    settings = server.settings
    text = SharedKey(settings.account, settings.key).string_to_sign(
        "GET", "/jobs", VERSION, headers
    )
    digest = hmac.digest(base64.b64decode(settings.key), text.encode(), hashlib.sha256)
    signature = base64.b64encode(digest).decode()
    return {**headers, "authorization": f"SharedKey {settings.account}:{signature}"}


def ask(server: BatchServer, headers: dict[str, str]) -> httpx.Response:
    return httpx.get(f"{server.endpoint}/jobs?{VERSION}", headers=headers)


def http_time(offset: timedelta = timedelta()) -> str:
    return format_datetime(datetime.now(UTC) + offset, usegmt=True)


def test_the_client_request_id_comes_back_when_asked_for(server: BatchServer) -> None:
    own = {"ocp-date": http_time(), "client-request-id": "mine"}
    assert "client-request-id" not in ask(server, signed(server, **own)).headers
    answer = ask(server, signed(server, **own, **{"return-client-request-id": "true"}))
    assert answer.status_code == 200
    assert answer.headers["client-request-id"] == "mine"
    assert answer.headers["request-id"]


REFUSED: dict[str, Callable[[BatchServer], dict[str, str]]] = {
    "no signature": lambda server: {},
    "a token": lambda server: {"authorization": "Bearer x"},
    "no account": lambda server: {"authorization": "SharedKey x"},
    "no date": lambda server: signed(server),
    "a date that is none": lambda server: signed(server, **{"ocp-date": "yesterday"}),
    "an hour late": lambda server: signed(server, **{"ocp-date": http_time(timedelta(hours=-1))}),
    "an hour early": lambda server: signed(server, **{"ocp-date": http_time(timedelta(hours=1))}),
    "another date than signed": lambda server: {
        **signed(server, **{"ocp-date": http_time()}),
        "ocp-date": http_time(timedelta(minutes=1)),
    },
}


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED)
def test_who_does_not_sign_is_refused(
    server: BatchServer, headers: Callable[[BatchServer], dict[str, str]]
) -> None:
    answer = ask(server, headers(server))
    assert answer.status_code == 401
    said = answer.json()
    assert said["code"] == "AuthenticationFailed"
    assert said["message"]["value"].startswith("Server failed to authenticate the request.")
    assert [value["key"] for value in said["values"]] == ["AuthenticationErrorDetail"]


def test_the_plain_date_header_does_too(server: BatchServer) -> None:
    assert ask(server, signed(server, date=http_time())).status_code == 200
