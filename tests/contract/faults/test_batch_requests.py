"""Requests to Batch that go wrong: what the unmodified SDK makes of it."""

from collections.abc import Iterator
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch_models
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ServiceResponseError

from retrain.local.batch import BatchServer
from retrain.local.faults import Plan, Rule, batch, http, seconds
from tests.contract.batch.conftest import auto_pool, code_of, job_name
from tests.contract.faults.batch_service import client_of, faulty_batch


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BatchServer]:
    with faulty_batch(tmp_path_factory.mktemp("batch")) as server:
        yield server


@pytest.fixture(autouse=True)
def well(server: BatchServer) -> None:
    """Each test begins without faults."""
    server.faults.replace(Plan())


@pytest.fixture(scope="module")
def client(server: BatchServer) -> Iterator[BatchClient]:
    """Repeats nothing, so that every fault is seen."""
    with client_of(server) as client:
        yield client


@pytest.fixture(scope="module")
def patient(server: BatchServer) -> Iterator[BatchClient]:
    """Repeats as azure-core does, but does not wait."""
    with client_of(server, retry_total=3, retry_backoff_factor=0) as client:
        yield client


def create(client: BatchClient, job: str) -> None:
    client.create_job(batch_models.BatchJobCreateOptions(id=job, pool_info=auto_pool()))


CREATE = batch.BatchWhere(operation="create_job")


def test_throttled_with_the_services_code_and_header(
    server: BatchServer, client: BatchClient
) -> None:
    server.faults.add(batch.Throttle(where=CREATE, retry_after=7))
    with pytest.raises(HttpResponseError) as caught:
        create(client, job_name())
    assert caught.value.status_code == 429
    assert code_of(caught.value) == "TooManyRequests"
    assert caught.value.response is not None
    response: Any = caught.value.response
    assert response.headers["Retry-After"] == "7"


AGAIN: dict[str, Rule] = {
    "throttled": batch.Throttle(where=CREATE, retry_after=0, times=3),
    "an internal error": batch.Error(where=CREATE, times=3),
    "busy": batch.Error(where=CREATE, status=503, code="ServerBusy", message="busy", times=3),
}


@pytest.mark.parametrize("rule", AGAIN.values(), ids=AGAIN)
def test_the_sdk_asks_again(server: BatchServer, patient: BatchClient, rule: Rule) -> None:
    name = server.faults.add(rule)
    job = job_name()
    create(patient, job)
    assert patient.get_job(job).id == job
    assert server.faults.tally(name).struck == 3
    assert server.faults.tally(name).matches == 4


def test_the_sdk_asks_again_for_what_it_only_reads_when_it_is_cut_off(
    server: BatchServer, patient: BatchClient
) -> None:
    job = job_name()
    create(patient, job)
    name = server.faults.add(batch.Drop(where=batch.BatchWhere(job=job), times=3))
    assert patient.get_job(job).id == job
    assert server.faults.tally(name).struck == 3


def test_an_error_that_lies_makes_the_repeat_a_conflict(
    server: BatchServer, patient: BatchClient
) -> None:
    server.faults.add(batch.Error(where=CREATE, effect="after", times=1))
    job = job_name()
    with pytest.raises(ResourceExistsError):
        create(patient, job)
    assert patient.get_job(job).state == "active"


CUTS: dict[http.Effect, bool] = {"before": False, "after": True}


@pytest.mark.parametrize(("effect", "made"), CUTS.items(), ids=CUTS)
def test_a_post_that_is_cut_off_is_not_repeated_and_may_have_worked(
    server: BatchServer, patient: BatchClient, effect: http.Effect, made: bool
) -> None:
    name = server.faults.add(batch.Drop(where=CREATE, effect=effect))
    job = job_name()
    with pytest.raises(ServiceResponseError):
        create(patient, job)
    assert server.faults.tally(name).matches == 1
    assert (job in {each.id for each in patient.list_jobs()}) == made


ERRORS = {
    "409": (batch.Error(status=409, code="JobBeingDeleted", message="m"), ResourceExistsError),
    "500": (batch.Error(), HttpResponseError),
    "cut": (batch.Drop(), ServiceResponseError),
    "silence": (batch.Stall(seconds=seconds(0.05)), ServiceResponseError),
}


@pytest.mark.parametrize(("rule", "error"), ERRORS.values(), ids=ERRORS)
def test_what_the_sdk_raises(
    server: BatchServer, client: BatchClient, rule: Any, error: type[Exception]
) -> None:
    server.faults.add(rule)
    with pytest.raises(error) as caught:
        create(client, job_name())
    if isinstance(caught.value, HttpResponseError):
        assert caught.value.status_code == rule.status
        assert code_of(caught.value) == rule.code


def test_a_client_that_gives_up_a_stalled_request(server: BatchServer) -> None:
    name = server.faults.add(batch.Stall(where=CREATE))
    with client_of(server, read_timeout=0.2) as client, pytest.raises(ServiceResponseError):
        create(client, job_name())
    assert server.faults.tally(name).struck == 1


def test_latency_is_waited_out(server: BatchServer, client: BatchClient) -> None:
    job = job_name()
    server.faults.add(batch.Latency(where=CREATE, seconds=seconds(0.1)))
    server.faults.add(batch.Latency(where=batch.BatchWhere(job=job), seconds=seconds(0.1)))
    create(client, job)
    assert [strike.facts["job"] for strike in server.faults.last] == [job, job]


def test_only_what_the_rule_names_suffers(server: BatchServer, client: BatchClient) -> None:
    job, other = job_name(), job_name()
    server.faults.add(batch.Error(where=batch.BatchWhere(job=job)))
    create(client, other)
    assert client.get_job(other).id == other
    for ask in (lambda: create(client, job), lambda: client.get_job(job)):
        with pytest.raises(HttpResponseError):
            ask()
    assert [strike.facts["operation"] for strike in server.faults.last] == ["create_job", "get_job"]


def test_a_body_that_is_none_is_still_the_operations_to_refuse(
    server: BatchServer, client: BatchClient
) -> None:
    server.faults.add(batch.Error(where=batch.BatchWhere(job="x")))
    with pytest.raises(HttpResponseError) as caught:
        create(client, "not an id")
    assert code_of(caught.value) == "InvalidPropertyValue"
