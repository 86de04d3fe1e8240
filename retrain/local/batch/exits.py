"""Exit conditions: what the end of a task means for its job and for the tasks that depend on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from retrain.local.batch.errors import invalid

JobAction = Literal["none", "disable", "terminate"]

#: The process ran to an end of its own or was killed; anything else went wrong before or after it.
_OF_THE_PROCESS: Final = (None, "FailureExitCode", "TaskEnded")
#: The node's fault, not the start's: only the default condition speaks of it.
_OF_THE_NODE: Final = ("TaskEnded", "TaskLost", "NodeFailed")


@dataclass(frozen=True, slots=True)
class Exit:
    """How a task ended: `code` None when no process did, `failure` the code of its failureInfo."""

    code: int | None
    failure: str | None

    @property
    def clean(self) -> bool:
        """Exit code 0 and nothing wrong with the files."""
        return self.code == 0 and self.failure is None


def satisfies(spec: dict[str, Any], end: Exit) -> bool:
    """Whether dependent tasks may go on; by default only after success."""
    action = _options(spec, end).get("dependencyAction")
    return bool(action.lower() == "satisfy") if action else end.clean


def job_action(spec: dict[str, Any], end: Exit) -> JobAction:
    """What becomes of a job with onTaskFailure performexitoptionsjobaction."""
    action = _options(spec, end).get("jobAction")
    if action:
        return action.lower()  # type: ignore[no-any-return]  # one of three, by the body's schema
    return "none" if end.clean else "terminate"


def _options(spec: dict[str, Any], end: Exit) -> dict[str, Any]:
    """The exit options that apply; a listed exit code comes before a file that wasn't uploaded."""
    conditions = spec.get("exitConditions") or {}
    return _of_code(conditions, end.code) or _of_error(conditions, end) or {}


def _of_code(conditions: dict[str, Any], code: int | None) -> dict[str, Any] | None:
    if code is None:
        return None
    for mapping in conditions.get("exitCodes") or ():
        if mapping["code"] == code:
            return mapping["exitOptions"]  # type: ignore[no-any-return]
    for mapping in conditions.get("exitCodeRanges") or ():
        if mapping["start"] <= code <= mapping["end"]:
            return mapping["exitOptions"]  # type: ignore[no-any-return]
    return None


def _of_error(conditions: dict[str, Any], end: Exit) -> dict[str, Any] | None:
    if end.clean:
        return None  # the default does not speak of success
    specific = None
    if end.code is None and end.failure not in _OF_THE_NODE:
        specific = conditions.get("preProcessingError")
    elif end.code is not None and end.failure not in _OF_THE_PROCESS:
        specific = conditions.get("fileUploadError")
    return specific or conditions.get("default")


def check(spec: dict[str, Any], job_spec: dict[str, Any]) -> None:
    """Actions must have a job that takes them. Raises Refused InvalidPropertyValue."""
    acts = (job_spec.get("onTaskFailure") or "noaction").lower() != "noaction"
    for name, options in _all_options(spec.get("exitConditions") or {}):
        if options.get("jobAction") and not acts:
            reason = "The job's onTaskFailure is noaction"
            raise invalid(f"{name}.jobAction", options["jobAction"], reason)
        if options.get("dependencyAction") and not job_spec.get("usesTaskDependencies"):
            reason = "The job's usesTaskDependencies is false"
            raise invalid(f"{name}.dependencyAction", options["dependencyAction"], reason)


def _all_options(conditions: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    found = [
        (f"exitConditions.{name}", mapping["exitOptions"])
        for name in ("exitCodes", "exitCodeRanges")
        for mapping in conditions.get(name) or ()
    ]
    found += [
        (f"exitConditions.{name}", conditions[name])
        for name in ("preProcessingError", "fileUploadError", "default")
        if conditions.get(name)
    ]
    return found
