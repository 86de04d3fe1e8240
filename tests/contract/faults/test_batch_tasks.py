"""What befalls tasks of Batch: as the SDK shows it and the product understands it."""

from collections.abc import Iterator
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch_models

from retrain.local.batch import BatchServer
from retrain.local.faults import Faults, Plan, batch
from shared.azure import batch_failures
from tests.contract.batch.conftest import (
    add_task,
    auto_pool,
    completed,
    make_job,
    until,
)
from tests.contract.faults.batch_service import client_of, faulty_batch


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BatchServer]:
    with faulty_batch(tmp_path_factory.mktemp("batch")) as server:
        yield server


@pytest.fixture
def faults(server: BatchServer) -> Faults:
    """Empty, and with nothing remembered."""
    server.faults.replace(Plan())
    return server.faults


@pytest.fixture(scope="module")
def client(server: BatchServer) -> Iterator[BatchClient]:
    with client_of(server) as client:
        yield client


IMAGE: dict[str, Any] = {
    "container_settings": batch_models.BatchTaskContainerSettings(image_name="python:3.11-slim")
}
INPUT: dict[str, Any] = {
    "resource_files": [
        batch_models.ResourceFile(http_url="http://127.0.0.1:1/nowhere", file_path="in.csv")
    ]
}
OUTPUT: dict[str, Any] = {
    "output_files": [
        batch_models.OutputFile(
            file_pattern="model/*",
            destination=batch_models.OutputFileDestination(
                container=batch_models.OutputFileBlobContainerDestination(
                    container_url="http://127.0.0.1:1/devstoreaccount1/outputs?sig=s"
                )
            ),
            upload_options=batch_models.OutputFileUploadConfiguration(
                upload_condition=batch_models.OutputFileUploadCondition.TASK_COMPLETION
            ),
        )
    ]
}
FAILURES = {
    "image": (batch.ImagePullFailure(), IMAGE, None, "ContainerInvalidImage", "configuration"),
    "another code": (
        batch.ImagePullFailure(code="ContainerImagePullFailed", message="toomanyrequests"),
        *(IMAGE, None, "ContainerImagePullFailed", "configuration"),
    ),
    "input": (batch.InputDownloadFailure(), INPUT, None, "BlobDownloadMiscError", "configuration"),
    "input, forbidden": (
        batch.InputDownloadFailure(code="ResourceContainerAccessDenied"),
        *(INPUT, None, "ResourceContainerAccessDenied", "configuration"),
    ),
    "output": (batch.OutputUploadFailure(), OUTPUT, 0, "FileUploadMiscError", "configuration"),
    "output, the service's fault": (
        batch.OutputUploadFailure(category="servererror", pattern="model/*"),
        *(OUTPUT, 0, "FileUploadMiscError", "infrastructure"),
    ),
}


@pytest.mark.parametrize(
    ("rule", "terms", "exit_code", "code", "cause"), FAILURES.values(), ids=FAILURES
)
def test_a_task_fails_as_on_the_service(
    client: BatchClient,
    faults: Faults,
    rule: batch.TaskFailure,
    terms: dict[str, Any],
    exit_code: int | None,
    code: str,
    cause: str,
) -> None:
    faults.add(rule)
    job = make_job(client, pool_info=auto_pool())
    add_task(client, job, "mkdir model; echo m > model/m", **terms)
    task = completed(client, job)
    info = task.execution_info
    assert info is not None
    assert (info.exit_code, info.result) == (exit_code, "failure")
    assert info.failure_info is not None
    assert (info.failure_info.code, info.failure_info.category) == (code, rule.category)
    assert info.failure_info.message == rule.message
    report = batch_failures.ended(task, None)
    assert report.cause == cause
    assert report.problem is not None
    assert report.problem.code == code


def test_a_task_that_has_no_such_part_is_spared(client: BatchClient, faults: Faults) -> None:
    kinds = (batch.ImagePullFailure, batch.InputDownloadFailure, batch.OutputUploadFailure)
    names = [faults.add(kind()) for kind in kinds]
    job = make_job(client, pool_info=auto_pool())
    add_task(client, job, "true")
    info = completed(client, job).execution_info
    assert info is not None
    assert info.result == "success"
    assert [faults.tally(name).matches for name in names] == [0, 0, 0]


def test_a_preparation_can_fail_too(client: BatchClient, faults: Faults) -> None:
    where = batch.TaskWhere(task="jobpreparation")
    faults.add(batch.InputDownloadFailure(where=where, code="BlobNotFound"))
    preparation = batch_models.BatchJobPreparationTask(
        command_line="true", wait_for_success=True, **INPUT
    )
    job = make_job(client, pool_info=auto_pool(), job_preparation_task=preparation)
    add_task(client, job, "true")

    def over() -> batch_models.BatchJobPreparationTaskExecutionInfo | None:
        for status in client.list_job_preparation_and_release_task_status(job):
            info = status.job_preparation_task_execution_info
            return info if info and info.state == "completed" else None
        return None

    info = until(over)
    assert info.failure_info is not None
    report = batch_failures.unprepared(info)
    assert report.problem is not None
    assert report.problem.code == "BlobNotFound"
