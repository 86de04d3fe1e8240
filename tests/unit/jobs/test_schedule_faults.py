"""Schedules that are refused, each with the field that is at fault."""

from typing import Any

import pytest

from shared.jobs import InvalidDocument, parse_schedule

ON_DATA = {"type": "data", "path": "wine/*.csv"}
JOB = {"command": "python train.py", "environment": {"image": "python"}}

REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no name": ({"name": ...}, "name", "is required"),
    "a name with a slash": ({"name": "a/b"}, "name", "can't be a name"),
    "no trigger": ({"trigger": ...}, "trigger", "is required"),
    "no job": ({"create_job": ...}, "create_job", "is required"),
    "a recurrence of nothing": (
        {"trigger": {"type": "recurrence", "interval": 1}},
        "trigger.frequency",
        "is required",
    ),
    "a recurrence without interval": (
        {"trigger": {"type": "recurrence", "frequency": "day"}},
        "trigger.interval",
        "is required",
    ),
    "a strange unit": (
        {"trigger": {"type": "recurrence", "frequency": "year", "interval": 1}},
        "trigger.frequency",
        "must be",
    ),
    "a month's days in a week": (
        {
            "trigger": {
                "type": "recurrence",
                "frequency": "week",
                "interval": 1,
                "schedule": {"month_days": 1},
            }
        },
        "trigger.schedule",
        "month_days means nothing with `frequency: week`",
    ),
    "hour 24": (
        {
            "trigger": {
                "type": "recurrence",
                "frequency": "day",
                "interval": 1,
                "schedule": {"hours": [1, 24]},
            }
        },
        "trigger.schedule.hours.1",
        "must be at most 23",
    ),
    "a recurrence on a day that never comes": (
        {
            "trigger": {
                "type": "recurrence",
                "frequency": "month",
                "interval": 12,
                "start_time": "2026-02-01T00:00:00",
                "schedule": {"month_days": 30},
            }
        },
        "trigger.schedule",
        "never fires",
    ),
    "a cron with nothing between its start and its end": (
        {
            "trigger": {
                "type": "cron",
                "expression": "0 3 * * *",
                "start_time": "2026-02-01T04:00:00",
                "end_time": "2026-02-02T02:00:00",
            }
        },
        "trigger.end_time",
        "never fires between",
    ),
    "a second pattern that is none": (
        {"trigger": {"type": "data", "path": ["wine/*.csv", "https://x/*"]}},
        "trigger.path.1",
        "not a pattern of files",
    ),
    "no patterns": ({"trigger": {"type": "data", "path": []}}, "trigger.path", "is empty"),
    "no span": (
        {"trigger": {"type": "data", "path": "x", "quiet_period": "a while"}},
        "trigger.quiet_period",
        "no span of time",
    ),
    "a wait for nothing": (
        {"trigger": {"type": "data", "path": "x", "max_wait": 10}},
        "trigger.max_wait",
        "nothing to wait for",
    ),
    "a wait that is too short": (
        {"trigger": {"type": "data", "path": "x", "quiet_period": "5m", "max_wait": 10}},
        "trigger.max_wait",
        "shorter than quiet_period",
    ),
    "quiet beside a marker": (
        {"trigger": {"type": "data", "path": "x", "quiet_period": "5m", "when": "_SUCCESS"}},
        "trigger.quiet_period",
        "means nothing beside `when`",
    ),
    "a strange concurrency": (
        {"trigger": {"type": "data", "path": "x", "concurrency": "forbid"}},
        "trigger.concurrency",
        "must be",
    ),
    "catching up with files": (
        {"trigger": {"type": "data", "path": "x", "catch_up": "all"}},
        "trigger.catch_up",
        "unknown field",
    ),
    "a trigger without type": ({"trigger": {"path": "x"}}, "trigger", "has no `type`"),
    "a strange trigger": ({"trigger": {"type": "moon"}}, "trigger", "no trigger type 'moon'"),
    "a misspelt field": (
        {"trigger": {"type": "data", "path": "x", "pth": 1}},
        "trigger.pth",
        "unknown field",
    ),
    "no pattern": ({"trigger": {"type": "data"}}, "trigger.path", "is required"),
    "a web address": (
        {"trigger": {"type": "data", "path": "https://x/*.csv"}},
        "trigger.path",
        "not a pattern of files",
    ),
    "an absolute path": ({"trigger": {"type": "data", "path": "/x"}}, "trigger.path", "pattern"),
    "another store": (
        {
            "trigger": {
                "type": "data",
                "path": "azureml://datastores/workspaceartifactstore/paths/x",
            }
        },
        "trigger.path",
        "start nothing",
    ),
    "an unknown zone": (
        {"trigger": {"type": "cron", "expression": "* * * * *", "time_zone": "Europe/Berln"}},
        "trigger.time_zone",
        "there is no time zone 'Europe/Berln'",
    ),
    "no time": (
        {"trigger": {"type": "cron", "expression": "* * * * *", "start_time": "soon"}},
        "trigger.start_time",
        "'soon' is not a time",
    ),
    "a year that no zone knows": (
        {"trigger": {"type": "cron", "expression": "* * * * *", "start_time": "0001-01-01"}},
        "trigger.start_time",
        "the year 1 is out of range",
    ),
    "an end before the start": (
        {
            "trigger": {
                "type": "cron",
                "expression": "* * * * *",
                "start_time": "2026-01-02T00:00:00",
                "end_time": "2026-01-01T00:00:00",
            }
        },
        "trigger.end_time",
        "end_time is not after start_time",
    ),
    "a job by file": ({"create_job": "./job.yml"}, "create_job", "names a file"),
    "a job by name": ({"create_job": "azureml:job"}, "create_job", "not supported here yet"),
    "a pipeline": ({"create_job": {"type": "pipeline"}}, "create_job.type", "not supported yet"),
    "a fault in the job": ({"create_job": {**JOB, "cod": "x"}}, "create_job.cod", "unknown field"),
    "a dangling binding": (
        {"create_job": {**JOB, "command": "${{inputs.x}}"}},
        "create_job.command",
        "stands for nothing",
    ),
    "a trigger's path without a file": (
        {
            "trigger": {"type": "cron", "expression": "* * * * *"},
            "create_job": {**JOB, "command": "${{trigger.path}}"},
        },
        "create_job.command",
        "no value here",
    ),
    "a job": ({"type": "command"}, "type", "this is a job, not a schedule"),
    "a monitor": ({"create_monitor": {}}, "create_monitor", "not supported yet"),
}


@pytest.mark.parametrize(("changed", "field", "said"), REFUSED.values(), ids=REFUSED)
def test_schedules_refused(changed: dict[str, Any], field: str, said: str) -> None:
    whole = {"name": "s", "trigger": ON_DATA, "create_job": JOB} | changed
    with pytest.raises(InvalidDocument) as refused:
        parse_schedule({name: value for name, value in whole.items() if value is not ...})
    assert any(
        ".".join(map(str, problem.field)) == field and said in problem.message
        for problem in refused.value.problems
    ), str(refused.value)
