"""How a task failed, for somebody who only knows their script."""

import signal
from datetime import UTC, datetime
from typing import Final

from azure.batch import models as batch
from azure.core.exceptions import AzureError

from shared.azure.batch_codes import meaning, quota
from shared.azure.errors import error_code, translated
from shared.domain.errors import Refused, RetrainError, Scarce
from shared.domain.events import Cause
from shared.domain.run import Problem
from shared.ports.compute import Report

#: A process of ours that ended with another exit code than 0.
_EXITS: Final = ("FailureExitCode", "PreparationFailed")
#: Details that name a file, in small letters, the best first.
_FILES: Final = ("filepath", "filename", "bloburl", "httpurl", "containerurl")
#: Where inputs are put on the node; the rest is the input's name and its file's.
_BELOW: Final = ".inputs/"
_UNKNOWN: Final = "Look the code up in Azure Batch's documentation, and the task in its account."
_SIZES: Final = ("UnsupportedVMSize", "InvalidVMSize", "VMSizeNotAvailable", "VMSizeNotSupported")


def refused(error: AzureError, vm_size: str) -> RetrainError:
    """What asking for nodes comes to, with a quota that is reached, or a VM size that there isn't,
    told in a sentence."""
    code, told = error_code(error), translated("Azure Batch", error)
    if sentence := quota(code):
        return Scarce(sentence[0], remedy=sentence[1], code=code)
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


def unprepared(info: batch.BatchJobPreparationTaskExecutionInfo, stderr: str = "") -> Report:
    """The report of an attempt whose code could not be unpacked: its task never starts.

    stderr: what the unpacking said, or its end.
    """
    failure = info.failure_info
    code = str((failure and failure.code) or "PreparationFailed")
    if code in _EXITS:
        code, what = "PreparationFailed", "The node could not unpack the code"
        why = stderr.strip() or f"exit code {info.exit_code}, and nothing was said."
    else:
        what = "The node could not get the code"
        why = f"{(failure and failure.message) or code}{_details(failure)}"
    remedy = "Submit the job again; its snapshot is uploaded anew when it is missing."
    problem = Problem(code, f"{what}: {why}", remedy)
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
    return _blame(code, failure), _problem(task, code, failure)


def _blame(code: str, failure: batch.BatchTaskFailureInfo | None) -> Cause:
    known = meaning(code)
    ours = failure is None or failure.category == batch.BatchErrorSourceCategory.USER_ERROR
    # An input's failure is the user's to mend, whomever the service blames.
    return "configuration" if ours or (known and known.of == "input") else "infrastructure"


def _problem(
    task: batch.BatchTask, code: str, failure: batch.BatchTaskFailureInfo | None
) -> Problem:
    words = f"{(failure and failure.message) or code}{_details(failure)}"
    known = meaning(code)
    if known is None:
        return Problem(code, f"Azure Batch ended the script: {words}", _UNKNOWN)
    settings = task.container_settings
    image = settings.image_name if settings else ""
    name = image if known.of == "image" else _file(failure)
    return Problem(code, known.sentence(name, words), known.remedy)


def _file(failure: batch.BatchTaskFailureInfo | None) -> str:
    """The file that it was about, as seen from the script; else its address."""
    pairs = (failure.details or []) if failure else []
    named = {str(pair.name).lower(): str(pair.value).partition("?")[0] for pair in pairs}
    path = next((named[name] for name in _FILES if named.get(name)), "")
    return path.rpartition("/wd/")[2].removeprefix(_BELOW)


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
