"""Which exit options apply to which end of a task."""

from typing import Any

import pytest

from retrain.local.batch import exits
from retrain.local.batch.errors import Refused
from retrain.local.batch.exits import Exit

FULL: dict[str, Any] = {
    "exitConditions": {
        "exitCodes": [{"code": 3, "exitOptions": {"jobAction": "disable"}}],
        "exitCodeRanges": [
            {
                "start": 3,
                "end": 9,
                "exitOptions": {"jobAction": "none", "dependencyAction": "satisfy"},
            }
        ],
        "preProcessingError": {"jobAction": "Disable", "dependencyAction": "satisfy"},
        "fileUploadError": {"jobAction": "none", "dependencyAction": "block"},
        "default": {"jobAction": "none", "dependencyAction": "satisfy"},
    }
}
ZERO: dict[str, Any] = {
    "exitConditions": {
        "exitCodes": [{"code": 0, "exitOptions": {"dependencyAction": "block"}}],
    }
}

#: spec, how it ended, what becomes of the job, whether dependents go on
CASES: dict[str, tuple[dict[str, Any], Exit, str, bool]] = {
    "success": ({}, Exit(0, None), "none", True),
    "failure": ({}, Exit(1, "FailureExitCode"), "terminate", False),
    "ended by the user": ({}, Exit(None, "TaskEnded"), "terminate", False),
    "a code comes before a range": (FULL, Exit(3, "FailureExitCode"), "disable", False),
    "a range": (FULL, Exit(9, "FailureExitCode"), "none", True),
    "a code comes before an upload": (FULL, Exit(4, "FileUploadMiscError"), "none", True),
    "no start": (FULL, Exit(None, "BlobNotFound"), "disable", True),
    "an upload": (FULL, Exit(0, "FileUploadContainerNotFound"), "none", False),
    "a code nobody lists": (FULL, Exit(10, "FailureExitCode"), "none", True),
    "the limit's kill": (FULL, Exit(137, "TaskEnded"), "none", True),
    "a lost node": (FULL, Exit(None, "TaskLost"), "none", True),
    "the default does not speak of 0": (FULL, Exit(0, None), "none", True),
    "0 when listed": (ZERO, Exit(0, None), "none", False),
}


@pytest.mark.parametrize(("spec", "end", "action", "satisfies"), CASES.values(), ids=CASES)
def test_options(spec: dict[str, Any], end: Exit, action: str, satisfies: bool) -> None:
    assert exits.job_action(spec, end) == action
    assert exits.satisfies(spec, end) is satisfies


JOBS: dict[str, tuple[dict[str, Any], str | None]] = {
    "takes both": (
        {"onTaskFailure": "performExitOptionsJobAction", "usesTaskDependencies": True},
        None,
    ),
    "no action": ({"usesTaskDependencies": True}, "exitConditions.exitCodes.jobAction"),
    "no dependencies": (
        {"onTaskFailure": "performexitoptionsjobaction"},
        "exitConditions.exitCodeRanges.dependencyAction",
    ),
}


@pytest.mark.parametrize(("job", "culprit"), JOBS.values(), ids=JOBS)
def test_actions_need_a_job_that_takes_them(job: dict[str, Any], culprit: str | None) -> None:
    if culprit is None:
        exits.check(FULL, job)
        return
    with pytest.raises(Refused) as caught:
        exits.check(FULL, job)
    assert caught.value.values["PropertyName"] == culprit
