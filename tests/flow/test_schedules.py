"""The examples of schedules, on a live stack: by the clock, by hand, and many files at once."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from retrain.client import Client, Run, RunSummary
from retrain.jobfile import read_schedule
from retrain.submit import put_schedule
from tests.flow.local_stack import LocalStack, ended, eventually, stdout

pytestmark = pytest.mark.xdist_group("stack")
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def _cleared(client: Client) -> Iterator[None]:
    yield
    for one in client.list_schedules():
        client.delete_schedule(one["name"])


def created(client: Client, name: str) -> str:
    return str(put_schedule(client, read_schedule(EXAMPLES / name))["name"])


def started(client: Client, schedule: str) -> list[RunSummary]:
    return [run for run in client.list_jobs() if run["source"]["schedule"] == schedule]


def tick(stack: LocalStack) -> None:
    """The minute's timer, called by hand."""
    keys = json.loads(next(stack.data.rglob("keys.json")).read_text())
    url = f"{stack.addresses['api']}/admin/functions/schedules_due"
    answer = httpx.post(url, json={}, headers={"x-functions-key": keys["master"]})
    assert answer.status_code == 202, answer.text


def only(client: Client, schedule: str) -> Run:
    assert eventually(lambda: started(client, schedule))
    (run,) = started(client, schedule)
    return ended(client, run["name"])


def test_ten_files_at_once_are_one_run(client: Client, stack: LocalStack, tmp_path: Path) -> None:
    name = created(client, "data-schedule/schedule.yml")
    week = tmp_path / "week-48"
    week.mkdir()
    for number in range(10):
        (week / f"{number}.csv").write_text("1,2\n" * (number + 1))
    (week / "half.csv.tmp").write_text("1,")
    (week / "empty.csv").touch()
    client.upload_data(week, "rows/week-48/")
    run = only(client, name)
    assert run["status"] == "Completed", stdout(client, run["name"])
    assert stdout(client, run["name"]) == "10 new files, 55 rows\n"
    assert run["source"]["files"] == 10
    assert sorted(run["source"]["paths"]) == [f"rows/week-48/{n}.csv" for n in range(10)]
    (week / "3.csv").write_text("1,2\n")
    client.upload_data(week, "rows/week-48/")  # nine of them are the same bytes
    assert eventually(lambda: len(started(client, name)) == 2)
    again = ended(client, max(run["name"] for run in started(client, name)))
    assert again["source"]["paths"] == ["rows/week-48/3.csv"]
    tick(stack)
    assert len(started(client, name)) == 2


def test_the_cron_example_by_hand(client: Client) -> None:
    name = created(client, "cron-schedule/schedule.yml")
    ticks = client.preview_schedule(name)
    assert len(ticks) == 10
    assert {tick["local"][11:16] for tick in ticks} == {"03:00"}
    assert client.get_schedule(name)["next_run_at"] == ticks[0]["at"]
    run = ended(client, client.trigger_schedule(name)["name"])
    assert run["source"]["schedule"] == name
    assert stdout(client, run["name"]) == "trained with rate 0.1\n"
    assert client.disable_schedule(name)["next_run_at"] is None
    assert client.enable_schedule(name)["next_run_at"] == ticks[0]["at"]


def test_the_recurrence_examples(client: Client, stack: LocalStack) -> None:
    name = created(client, "recurrence-schedule/schedule.yml")
    locals_ = [tick["local"][11:16] for tick in client.preview_schedule(name, 4)]
    assert sorted({*locals_}) == ["06:30", "18:30"]
    now = created(client, "recurrence-schedule/from-now-on.yml")
    tick(stack)
    tick(stack)
    run = only(client, now)
    assert run["source"]["kind"] == "recurrence"
    assert stdout(client, run["name"]) == "trained with rate 0.1\n"
    assert started(client, name) == []
