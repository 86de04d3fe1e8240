"""How a task failed, for somebody who only knows their script."""

import signal
from datetime import UTC, datetime
from typing import Final

from azure.batch import models as batch
from azure.core.exceptions import AzureError

from shared.azure.errors import error_code, translated
from shared.domain.errors import Refused, RetrainError
from shared.domain.events import Cause
from shared.domain.run import Problem
from shared.ports.compute import Report

_INPUTS: Final = ("ResourceContainerAccessDenied", "BlobNotFound", "BlobAccessDenied",
                  "BlobDownloadMiscError", "BlobDownloadTimedOut", "HttpResponseError")  # fmt: skip
_REMEDIES: Final = {
    "ContainerInvalidImage": "Check the name of environment.image; nodes must be able to pull it.",
    "ContainerImagePull": "Check the name of environment.image; nodes must be able to pull it.",
    "FileUpload": "The script ran, but what it left could not be kept; look at Blob Storage.",
    "CommandProgramNotFound": "The image needs /bin/sh.",
}
#: What an account may have at most, by the service's code. It goes up on request.
_QUOTAS: Final = {
    "AccountCoreQuotaReached": "dedicated cores",
    "AccountLowPriorityCoreQuotaReached": "low-priority cores",
    "AccountVMSeriesCoreQuotaReached": "cores of this VM family",
    "AccountSpotCoreQuotaReached": "low-priority cores",
    "PoolQuotaReached": "pools",
}
_SIZES: Final = ("UnsupportedVMSize", "InvalidVMSize", "VMSizeNotAvailable", "VMSizeNotSupported")


def quota(code: str) -> tuple[str, str] | None:
    """What is said of a quota that is reached, and what to do; None when the code is no quota's."""
    what = _QUOTAS.get(code)
    if what is None:
        return None
    return (
        f"The Batch account may have no more {what}.",
        "Ask for more in the Azure portal (the Batch account's Quotas), or wait until other runs "
        "give theirs back.",
    )


def refused(error: AzureError, vm_size: str) -> RetrainError:
    """What asking for nodes comes to, with a VM size that there isn't told in a sentence."""
    code, told = error_code(error), translated("Azure Batch", error)
    if isinstance(told, Refused) and (code in _SIZES or "vmsize" in _about(error)):
        return Refused(
            f"Azure Batch has no VM size '{vm_size}' here.",
            code=code,
            remedy="`az batch location list-skus --location <region>` lists those there are.",
        )
    return told


def _about(error: AzureError) -> str:
    """The property that the service finds wrong, in small letters; empty when it says none."""
    details = getattr(getattr(error, "model", None), "error_values", None) or ()
    return next((str(one.value).lower() for one in details if one.key == "PropertyName"), "")


def ended(task: batch.BatchTask, prepared_at: datetime | None) -> Report:
    """The report of a completed task."""
    info = task.execution_info
    started = utc(info.start_time) if info else None
    cause, problem = _verdict(task)
    return Report(
        phase="ended",
        prepared_at=utc(prepared_at),
        started_at=started,
        cause=cause,
        problem=problem,
        requeues=(info and info.requeue_count) or 0,
        exit_code=info.exit_code if info and cause in ("none", "script") else None,
    )


def unprepared(info: batch.BatchJobPreparationTaskExecutionInfo) -> Report:
    """The report of an attempt whose code could not be unpacked: its task never starts."""
    failure = info.failure_info
    code = (failure and failure.code) or "PreparationFailed"
    why = (failure and failure.message) or f"exit code {info.exit_code}"
    problem = Problem(
        str(code),
        f"The node could not unpack the code: {why}{_details(failure)}",
        "Submit the job again; its snapshot is uploaded anew when it is missing.",
    )
    return Report(
        phase="ended", prepared_at=utc(info.start_time), cause="configuration", problem=problem
    )


def _verdict(task: batch.BatchTask) -> tuple[Cause, Problem | None]:
    info = task.execution_info
    if info is None:
        return "infrastructure", Problem("NoExecution", "Batch says nothing of how the task ended.")
    failure = info.failure_info
    if failure is None and info.exit_code == 0:
        return "none", None
    if _over_time(task):
        return "timeout", _timeout(task)
    code = str(failure.code) if failure and failure.code else "FailureExitCode"
    if code == "FailureExitCode" and info.exit_code is not None:
        return "script", _exit(info.exit_code)
    message = (failure and failure.message) or code
    if code in _INPUTS:
        return "configuration", Problem(
            code,
            f"An input could not be downloaded: {message}{_details(failure)}",
            "Check that the input's path exists.",
        )
    remedy = next((text for start, text in _REMEDIES.items() if code.startswith(start)), "")
    ours = failure is None or failure.category == batch.BatchErrorSourceCategory.USER_ERROR
    cause: Cause = "configuration" if ours else "infrastructure"
    return cause, Problem(code, f"{message}{_details(failure)}", remedy)


def _exit(code: int) -> Problem:
    where = "The end of stderr.txt says why: `retrain job stream` or `retrain job download`."
    if code > 128 and code - 128 in {s.value for s in signal.Signals}:
        name = signal.Signals(code - 128).name
        hint = " SIGKILL is often the node running out of memory." if name == "SIGKILL" else ""
        return Problem("ScriptKilled", f"The script was killed by {name}.", where + hint)
    return Problem("ScriptFailed", f"The script ended with exit code {code}.", where)


def _over_time(task: batch.BatchTask) -> bool:
    info, limits = task.execution_info, task.constraints
    if not (info and info.start_time and info.end_time and limits and limits.max_wall_clock_time):
        return False
    return info.end_time - info.start_time >= limits.max_wall_clock_time


def _timeout(task: batch.BatchTask) -> Problem:
    limit = task.constraints and task.constraints.max_wall_clock_time
    seconds = f"{limit.total_seconds():.0f}" if limit else "?"
    return Problem(
        "Timeout",
        f"The script was stopped: timeout after {seconds} s.",
        "Raise limits.timeout, or make the script faster.",
    )


def _details(failure: batch.BatchTaskFailureInfo | None) -> str:
    """The service's own details, without the secrets of a signed address."""
    pairs = (failure.details or []) if failure else []
    words = [f"{pair.name}: {str(pair.value).partition('?')[0]}" for pair in pairs]
    return f" ({'; '.join(words)})" if words else ""


def utc(at: datetime | None) -> datetime | None:
    """Batch means UTC where it says nothing."""
    return at.replace(tzinfo=UTC) if at and at.tzinfo is None else at
