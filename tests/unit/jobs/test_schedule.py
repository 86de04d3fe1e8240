"""Schedules: when they fire, and the job they make."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs import (
    CronTrigger,
    DataInput,
    DataTrigger,
    InvalidDocument,
    Schedule,
    dump,
    job_for_file,
    parse_schedule,
    render_command,
)
from shared.jobs.cron import check_cron
from shared.jobs.glob import matches
from shared.jobs.timezones import WINDOWS, zone

ON_DATA = {"type": "data", "path": "wine/*.csv"}
JOB = {"command": "python train.py", "environment": {"image": "python"}}


def schedule(trigger: Any = None, job: Any = None, **fields: Any) -> Schedule:
    whole = {"name": "retrain", "trigger": trigger or ON_DATA, "create_job": job or JOB}
    return parse_schedule(whole | fields)


def cron(**fields: Any) -> CronTrigger:
    trigger = schedule({"type": "cron", "expression": "0 3 * * *"} | fields).trigger
    assert isinstance(trigger, CronTrigger)
    return trigger


@pytest.mark.parametrize(
    "trigger",
    [
        ON_DATA,
        {"type": "data", "path": "azureml://datastores/workspaceblobstore/paths/wine/**"},
        {"type": "data", "path": ["a/*", "b/*"], "quiet_period": "5m", "max_wait": "PT1H"},
        {"type": "data", "path": "a/*", "min_files": 3, "ignore": [], "concurrency": "queue"},
        {"type": "data", "path": "a/*", "when": "_SUCCESS"},
        {"type": "recurrence", "frequency": "minute", "interval": 5, "catch_up": "all"},
        {
            "type": "recurrence",
            "frequency": "day",
            "interval": 1,
            "schedule": {"hours": [4, 5, 10, 11, 12], "minutes": [0, 10, 20, 30]},
            "start_time": "2022-07-10T10:00:00",
            "time_zone": "Pacific Standard Time",
        },
        {
            "type": "recurrence",
            "frequency": "week",
            "interval": 2,
            "schedule": {"hours": 10, "minutes": 0, "week_days": ["Monday", "friday"]},
        },
        {
            "type": "recurrence",
            "frequency": "month",
            "interval": 1,
            "schedule": {"month_days": [1, 15]},
        },
        {"type": "cron", "expression": "*/5 0-6 * JAN-MAR MON"},
        {
            "type": "cron",
            "expression": "0  3 * * *",
            "start_time": "2026-07-10T10:00:00",
            "end_time": "2026-08-10T10:00:00+02:00",
            "time_zone": "Pacific Standard Time",
        },
    ],
)
def test_a_schedule_is_read_and_written_alike(trigger: dict[str, Any]) -> None:
    one = schedule(trigger, display_name="d", description="x", tags={"a": 1})
    assert parse_schedule(dump(one)) == one


def test_times_without_offset_are_on_the_clock_of_the_zone() -> None:
    trigger = cron(start_time="2026-07-10T10:00:00", time_zone="W. Europe Standard Time")
    assert trigger.starts_at == datetime(2026, 7, 10, 8, tzinfo=UTC)
    assert trigger.ends_at is None


def test_times_with_offset_keep_it() -> None:
    trigger = cron(end_time="2026-07-10T10:00:00-03:00", time_zone="Asia/Tokyo")
    assert trigger.ends_at == datetime(2026, 7, 10, 10, tzinfo=timezone(timedelta(hours=-3)))


def test_every_windows_zone_is_known() -> None:
    assert len(WINDOWS) > 130
    assert {name: zone(name).key for name in WINDOWS} == WINDOWS


NEVER = {
    "four fields": ("* * * *", "5 fields, not 4"),
    "six fields": ("0 0 3 * * *", "5 fields, not 6"),
    "a minute": ("60 * * * *", "minute '60' is out of range"),
    "an hour": ("0 24 * * *", "hour '24' is out of range"),
    "a day": ("0 0 0 * *", "day of the month '0' is out of range"),
    "a month": ("0 0 1 13 *", "month '13' is out of range"),
    "a month's name": ("0 0 1 FOO *", "month 'FOO' can't be read"),
    "a weekday": ("0 0 * * 8", "day of the week '8' is out of range"),
    "backwards": ("30-10 * * * *", "runs backwards"),
    "a step of 0": ("*/0 * * * *", "can't be read"),
    "a step alone": ("5/15 * * * *", "has a step but no range"),
    "a huge step": ("*/70 * * * *", "step above 59"),
    "a huge number": ("9999999999 * * * *", "out of range"),
    "an empty item": ("1,,2 * * * *", "can't be read"),
    "a macro": ("@daily", "5 fields, not 1"),
    "other digits": ("٣ * * * *", "can't be read"),
    "30 February": ("0 0 30 2 *", "never comes"),
    "31 in short months": ("0 0 31 4,6,9,11 *", "never comes"),
}


@pytest.mark.parametrize(("expression", "said"), NEVER.values(), ids=NEVER)
def test_cron_expressions_refused(expression: str, said: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        cron(expression=expression)
    problem = refused.value.problems[0]
    assert problem.field == ("trigger", "expression")
    assert said in problem.message
    assert problem.remedy


def part(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda two: f"{min(two)}-{max(two)}")
    step = st.integers(1, high)
    plain = st.one_of(st.just("*"), number.map(str), span)
    stepped = st.tuples(st.one_of(st.just("*"), span), step).map(lambda two: f"{two[0]}/{two[1]}")
    return st.lists(st.one_of(plain, stepped), min_size=1, max_size=3).map(",".join)


fields = st.tuples(part(0, 59), part(0, 23), part(1, 31), part(1, 12), part(0, 7))


@given(fields.map(" ".join))
def test_what_is_accepted_has_a_next_time(expression: str) -> None:
    try:
        accepted = check_cron(expression)
    except ValueError:
        return
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert next(CronSim(accepted, start)) > start


GLOBS = {
    "a star": ("wine/*.csv", ["wine/a.csv", "wine/.csv"], ["wine/a/b.csv", "wine/a.csv.gz", "a"]),
    "a question mark": ("a?c", ["abc", "a?c"], ["ac", "a/c", "abbc"]),
    "everything": ("**", ["a", "a/b", "a/b/c.csv"], []),
    "folders": ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb", "a/b/c"]),
    "any folder first": ("**/b", ["b", "a/b"], ["ab", "b/a"]),
    "all below": ("a/**", ["a/b", "a/b/c"], ["ab", "b/a"]),
    "a folder": ("a/", ["a/b", "a/b/c"], ["a", "ab"]),
    "two stars in a name": ("a**b", ["ab", "a/x/b", "axb"], ["a", "b"]),
    "no pattern": ("a.csv", ["a.csv"], ["aXcsv", "A.csv", "a.csv "]),
    "brackets are plain": ("a[1].csv", ["a[1].csv"], ["a1.csv"]),
    "stars in the name": ("a*b", ["a*b", "a**b"], ["a"]),
}


@pytest.mark.parametrize(("pattern", "fits", "misses"), GLOBS.values(), ids=GLOBS)
def test_patterns(pattern: str, fits: list[str], misses: list[str]) -> None:
    assert [path for path in fits + misses if matches(pattern, path)] == fits


def test_a_wicked_pattern_is_no_slower() -> None:
    assert not matches("*a" * 100 + "b", "a" * 1000)


@given(st.text("ab/*", max_size=8).filter(lambda p: "**" not in p), st.text("ab/", max_size=8))
def test_a_pattern_without_two_stars_keeps_the_folders(pattern: str, path: str) -> None:
    if matches(pattern, path) and not pattern.endswith("/"):
        assert pattern.count("/") == path.count("/")


def test_a_uris_pattern_is_below_its_container() -> None:
    uri = "azureml://datastores/workspaceblobstore/paths/wine/*.csv"
    trigger = schedule({"type": "data", "path": uri}).trigger
    assert isinstance(trigger, DataTrigger)
    assert [*trigger.patterns] == ["wine/*.csv"]
    assert trigger.matches("wine/new.csv")
    assert not trigger.matches("new.csv")


COUNTED: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "temporary names": (
        {"path": "in/**"},
        ["in/a.csv", "in/x/b.csv"],
        ["in/a.tmp", "in/_SUCCESS", "in/.~lock.a.ods#", "in/~$a.xlsx", "in/_temporary/0/a.csv"],
    ),
    "a folder that the pattern spells out": (
        {"path": "_in/*.csv"},
        ["_in/a.csv"],
        ["_in/_a.csv", "in/a.csv"],
    ),
    "a name that the pattern spells out": ({"path": "in/_SUCCESS"}, ["in/_SUCCESS"], []),
    "nothing is ignored": ({"path": "in/*", "ignore": []}, ["in/_a", "in/a.tmp"], []),
    "one's own": ({"path": "in/**", "ignore": ["*.bak", "in/old/**"]}, ["in/_a"], ["in/old/a"]),
    "several patterns": ({"path": ["a/*.csv", "b/**"]}, ["a/x.csv", "b/c/d"], ["a/x", "c"]),
}


@pytest.mark.parametrize(("fields", "fits", "misses"), COUNTED.values(), ids=COUNTED)
def test_which_files_count(fields: dict[str, Any], fits: list[str], misses: list[str]) -> None:
    trigger = DataTrigger.model_validate({"type": "data", **fields})
    assert [path for path in fits + misses if trigger.matches(path)] == fits


def test_which_files_complete_others() -> None:
    trigger = DataTrigger.model_validate({"type": "data", "path": "in/*/*.csv", "when": "_SUCCESS"})
    assert trigger.completes("in/a/_SUCCESS")
    assert not trigger.completes("in/a/_SUCCESS.csv")
    assert not trigger.completes("other/_SUCCESS")
    assert [*trigger.watched] == ["in/*/*.csv", "in/**/_SUCCESS"]


def test_how_long_files_wait() -> None:
    def longest(**fields: Any) -> int | None:
        return DataTrigger.model_validate({"type": "data", "path": "x", **fields}).longest_wait

    assert longest(quiet_period="30s") == 3600
    assert longest(quiet_period="2h") == 7200
    assert longest(quiet_period=30, max_wait="1m") == 60
    assert longest(min_files=3) is None


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


def test_the_job_for_a_file() -> None:
    job = {
        **JOB,
        "name": "given",
        "command": "echo ${{trigger.path}} ${{inputs.file}}",
        "inputs": {
            "file": {"type": "uri_file", "path": "${{trigger.path}}"},
            "label": "from ${{trigger.path}}",
            "trigger_path": 1,
        },
        "environment_variables": {"LANDED": "${{ trigger.path }}"},
    }
    made = job_for_file(schedule(job=job), "wine/a b.csv")
    file = made.inputs["file"]
    assert isinstance(file, DataInput)
    assert file.path == "azureml://datastores/workspaceblobstore/paths/wine/a b.csv"
    assert made.name is None
    assert made.command == "echo ${{inputs.trigger_path_2}} ${{inputs.file}}"
    assert made.environment_variables["LANDED"] == "${{inputs.trigger_path_2}}"
    assert dump(made)["inputs"]["label"] == "from wine/a b.csv"
    assert dump(made)["inputs"]["trigger_path_2"] == "wine/a b.csv"


def test_a_files_name_never_enters_the_command() -> None:
    job = {**JOB, "command": "echo '${{trigger.path}}'"}
    name = "wine/'; touch canary; '.csv"
    rendered = render_command(job_for_file(schedule(job=job), name))
    assert "canary" not in rendered.script


def test_a_file_whose_name_looks_like_a_number_stays_text() -> None:
    job = {**JOB, "command": "echo ${{trigger.path}}"}
    assert dump(job_for_file(schedule(job=job), "1e5"))["inputs"]["trigger_path"] == "1e5"


def test_a_job_that_asks_for_no_path_is_made_as_it_is() -> None:
    assert dump(job_for_file(schedule(), "wine/x.csv")) == dump(schedule().create_job)
