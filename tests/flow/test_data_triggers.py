"""Files that land start the runs that schedules ask for: each once."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrain.client import Client, RunSummary
from tests.flow.local_stack import LocalStack, ended, eventually, job

pytestmark = pytest.mark.xdist_group("stack")


@pytest.fixture
def schedule(client: Client) -> Iterator[str]:
    name = "on-rows"
    rows = {"type": "uri_file", "path": "${{trigger.path}}"}
    client.create_schedule(
        {
            "name": name,
            "trigger": {"type": "data", "path": "rows/*.csv"},
            "create_job": job("cat ${{inputs.rows}}", inputs={"rows": rows}),
        }
    )
    yield name
    client.delete_schedule(name)


def _started(client: Client) -> list[RunSummary]:
    return [run for run in client.list_jobs() if run["source"]["schedule"] == "on-rows"]


def test_ten_files_within_a_second_are_ten_runs(
    client: Client, schedule: str, tmp_path: Path
) -> None:
    before = len(_started(client))
    folder = tmp_path / "rows"
    folder.mkdir()
    for number in range(10):
        (folder / f"ten-{number}.csv").write_text(f"{number}\n")
    client.upload_data(folder, "rows/")
    assert eventually(lambda: len(_started(client)) >= before + 10)
    runs = [ended(client, run["name"]) for run in _started(client)]
    mine = [run for run in runs if "ten-" in (run["source"]["path"] or "")]
    assert {run["status"] for run in mine} == {"Completed"}
    counted = Counter(run["source"]["path"] for run in mine)
    assert counted == {f"rows/ten-{number}.csv": 1 for number in range(10)}
    assert {client.logs(run["name"]).data for run in mine} == {b"%d\n" % n for n in range(10)}


def test_a_marker_makes_one_run_of_the_files_beside_it(client: Client, tmp_path: Path) -> None:
    """As Spark writes: parts of a folder, and `_SUCCESS`, which is empty, when all are there."""
    paths = {"type": "uri_file", "path": "${{trigger.paths}}"}
    trigger = {"type": "data", "path": "lake/**/*.csv", "when": "_SUCCESS"}
    name = "on-success"
    create = job("cat ${{inputs.paths}}", inputs={"paths": paths})
    client.create_schedule({"name": name, "trigger": trigger, "create_job": create})
    assert client.get_schedule(name)["create_job"]["inputs"]["paths"]["path"] == paths["path"]
    try:
        for day in ("monday", "tuesday"):
            folder = tmp_path / day
            folder.mkdir()
            for number in range(3):
                (folder / f"part-{number}.csv").write_text(f"{day} {number}\n")
            client.upload_data(folder, f"lake/{day}/")
        assert eventually(lambda: client.get_schedule(name)["files_waiting"] == 6)
        assert [*client.list_jobs(schedule=name)] == []
        (tmp_path / "_SUCCESS").touch()
        client.upload_data(tmp_path / "_SUCCESS", "lake/monday/_SUCCESS")
        assert eventually(lambda: [*client.list_jobs(schedule=name)])
        (only,) = client.list_jobs(schedule=name)
        run = ended(client, only["name"])
        assert (run["status"], run["source"]["files"]) == ("Completed", 3)
        listed = client.logs(run["name"]).data.decode().splitlines()
        assert sorted(listed) == [f"lake/monday/part-{number}.csv" for number in range(3)]
        assert eventually(lambda: client.get_schedule(name)["files_waiting"] == 3)
        client.upload_data(tmp_path / "_SUCCESS", "lake/tuesday/_SUCCESS")
        assert eventually(lambda: client.count_jobs(schedule=name) == 2)
    finally:
        client.delete_schedule(name)


def test_the_same_content_again_is_no_new_data(
    client: Client, schedule: str, stack: LocalStack, tmp_path: Path
) -> None:
    file = tmp_path / "same.csv"
    file.write_text("1\n")
    client.upload_data(file, "rows/same.csv")
    runs = eventually(lambda: [r for r in _paths(client) if r == "rows/same.csv"])
    assert len(runs) == 1
    client.upload_data(file, "rows/same.csv")
    assert eventually(lambda: "same content" in (stack.data / "stack.log").read_text())
    file.write_text("2\n")
    client.upload_data(file, "rows/same.csv")
    assert eventually(lambda: len([r for r in _paths(client) if r == "rows/same.csv"]) == 2)


def test_an_empty_file_starts_nothing_and_says_so(
    client: Client, schedule: str, stack: LocalStack, tmp_path: Path
) -> None:
    (tmp_path / "empty.csv").touch()
    client.upload_data(tmp_path / "empty.csv", "rows/empty.csv")
    assert eventually(lambda: "rows/empty.csv: empty (0 bytes)" in _log(stack))
    assert "rows/empty.csv" not in _paths(client)


def _paths(client: Client) -> list[str | None]:
    return [client.get_job(run["name"])["source"]["path"] for run in _started(client)]


def _log(stack: LocalStack) -> str:
    return (stack.data / "stack.log").read_text()
