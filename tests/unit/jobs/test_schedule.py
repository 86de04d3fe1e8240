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
