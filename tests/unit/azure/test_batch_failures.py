"""How a task failed, told to somebody who only knows their script."""

from datetime import timedelta
from typing import Any

import pytest
from azure.batch import models as batch

from shared.azure.batch_failures import ended, unprepared
from shared.domain.events import Cause
from tests.factories import NOON, after

USER, SERVER = (
    batch.BatchErrorSourceCategory.USER_ERROR,
    batch.BatchErrorSourceCategory.SERVER_ERROR,
)


def failure(code: str, category: Any = USER, **details: str) -> batch.BatchTaskFailureInfo:
    pairs = [batch.NameValuePair(name=name, value=value) for name, value in details.items()]
    return batch.BatchTaskFailureInfo(
        category=category, code=code, message="It failed.", details=pairs
    )


def task(
    exit_code: int | None = None,
    failed: batch.BatchTaskFailureInfo | None = None,
    seconds: float = 5,
) -> batch.BatchTask:
    info = batch.BatchTaskExecutionInfo(
        retry_count=0,
        requeue_count=0,
        start_time=NOON.replace(tzinfo=None),
        end_time=after(seconds).replace(tzinfo=None),
        exit_code=exit_code,
        failure_info=failed,
    )
    found = batch.BatchTask()
    found.execution_info = info
    found.constraints = batch.BatchTaskConstraints(max_wall_clock_time=timedelta(seconds=60))
    return found


EXIT = failure("FailureExitCode")
#: The task, whose fault it is, the code on the run, and words of its message or remedy.
ENDS: dict[str, tuple[batch.BatchTask, Cause, str | None, str]] = {
    "success": (task(0), "none", None, ""),
    "exit 3": (task(3, EXIT), "script", "ScriptFailed", "exit code 3"),
    "exit 3, no failure told": (task(3), "script", "ScriptFailed", "exit code 3"),
    "killed": (task(137, EXIT), "script", "ScriptKilled", "SIGKILL is often the node running out"),
    "crashed": (task(139, EXIT), "script", "ScriptKilled", "SIGSEGV"),
    "an odd code": (task(255, EXIT), "script", "ScriptFailed", "exit code 255"),
    "too long": (task(137, EXIT, seconds=60), "timeout", "Timeout", "timeout after 60 s"),
    "no image": (
        task(None, failure("ContainerInvalidImage")),
        "configuration",
        "ContainerInvalidImage",
        "environment.image",
    ),
    "no input": (
        task(None, failure("BlobNotFound", FilePath="wine.csv")),
        "configuration",
        "BlobNotFound",
        "FilePath: wine.csv",
    ),
    "no upload": (
        task(0, failure("FileUploadMiscError", SERVER)),
        "infrastructure",
        "FileUploadMiscError",
        "could not be kept",
    ),
    "node lost": (task(None, failure("NodeLost", SERVER)), "infrastructure", "NodeLost", "failed"),
    "nothing told": (batch.BatchTask(), "infrastructure", "NoExecution", "says nothing"),
}


@pytest.mark.parametrize(("found", "cause", "code", "words"), ENDS.values(), ids=ENDS)
def test_how_a_task_ended(
    found: batch.BatchTask, cause: Cause, code: str | None, words: str
) -> None:
    report = ended(found, None)
    assert (report.phase, report.cause) == ("ended", cause)
    assert (report.problem.code if report.problem else None) == code
    if report.problem:
        assert words in f"{report.problem.message} {report.problem.remedy}"


def test_times_are_utc() -> None:
    report = ended(task(0), after(-5).replace(tzinfo=None))
    assert (report.prepared_at, report.started_at) == (after(-5), NOON)


def test_the_signature_of_an_address_stays_secret() -> None:
    url = "http://blobs.invalid/data/wine.csv?sig=secret"
    problem = ended(task(None, failure("BlobNotFound", BlobUrl=url)), None).problem
    assert problem is not None
    assert "wine.csv" in problem.message
    assert "secret" not in problem.message


def test_code_that_can_not_be_unpacked() -> None:
    info = batch.BatchJobPreparationTaskExecutionInfo(
        start_time=NOON,
        state=batch.BatchJobPreparationTaskState.COMPLETED,
        retry_count=0,
        exit_code=1,
        failure_info=EXIT,
    )
    report = unprepared(info)
    assert (report.cause, report.prepared_at) == ("configuration", NOON)
    assert report.problem is not None
    assert "could not unpack the code" in report.problem.message
