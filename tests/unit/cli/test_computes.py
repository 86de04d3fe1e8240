"""`retrain compute …`: from a file, from options, and what is wrong with either."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from retrain.cli.app import app
from tests.unit.cli.api_server import ApiServer

FILE = """\
$schema: https://azuremlschemas.azureedge.net/latest/amlCompute.schema.json
name: cpu-cluster
type: amlcompute
size: STANDARD_DS3_v2
min_instances: 0
max_instances: 2
idle_time_before_scale_down: 120
"""


def compute(*args: str) -> Result:
    return CliRunner().invoke(app, ["compute", *args])


def test_a_compute_from_its_file_to_its_end(local: ApiServer, tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text(FILE)
    created = compute("create", "-f", "c.yml", "--max-instances", "4")
    assert (created.exit_code, created.stdout) == (0, "cpu-cluster\n"), created.output
    assert "`compute: azureml:cpu-cluster`" in created.stderr
    assert local.computes["cpu-cluster"]["max_instances"] == 4
    assert compute("update", "cpu-cluster", "--min-instances", "1").exit_code == 0
    local.computes["cpu-cluster"]["nodes"] |= {"current": 2, "running": 1, "idle": 1, "target": 3}
    (head, row) = compute("list").stdout.splitlines()
    assert head.split() == ["NAME", "SIZE", "TIER", "MIN-MAX", "NODES"]
    assert row.split()[:4] == ["cpu-cluster", "STANDARD_DS3_v2", "dedicated", "1-4"]
    assert row.endswith("1 running, 1 idle -> 3")
    no_quota = {"code": "Quota", "message": "No cores.", "remedy": "Ask for more."}
    local.computes["cpu-cluster"]["errors"].append(no_quota)
    assert "error: Quota: No cores.\n  Ask for more.\n" in compute("show", "cpu-cluster").stdout
    assert json.loads(compute("show", "cpu-cluster", "--json").stdout)["max_instances"] == 4
    assert compute("delete", "cpu-cluster").stdout == "Deleted cpu-cluster.\n"
    gone = compute("delete", "cpu-cluster")
    assert (gone.exit_code, gone.stdout) == (1, "")
    assert gone.stderr.startswith("error: There is no compute cpu-cluster.")
    assert local.computes == {}


def test_a_compute_without_a_file(local: ApiServer) -> None:
    options = ("--name", "cpu", "--size", "Standard_D2s_v3", "--tier", "low_priority")
    assert compute("create", *options).exit_code == 0
    made = local.computes["cpu"]
    assert (made["tier"], made["min_instances"], made["max_instances"]) == ("low_priority", 0, 1)


#: What is in the file, the options, and what is said.
WRONG: dict[str, tuple[str, tuple[str, ...], str]] = {
    "a misspelt field": (
        FILE.replace("size:", "siez:"),
        (),
        "c.yml:4:1: siez: unknown field; did you mean 'size'?",
    ),
    "another type": (
        "name: a\ntype: computeinstance\nschedules: {}\n",
        (),
        "c.yml:2:1: type: compute of type 'computeinstance' is not supported yet",
    ),
    "a login": (FILE + "ssh_settings: {}\n", (), "c.yml:8:1: ssh_settings: not supported yet"),
    "more at least than at most": (FILE, ("--min-instances", "3"), "is above max_instances, 2"),
    "no number": (FILE.replace("2\n", "two\n"), (), "max_instances: must be a whole number"),
    "a bad option": (FILE, ("--size", "huge"), "'huge' is not a VM size"),
    "a job": ("command: echo\nenvironment: {image: python}\n", (), "this is a job, not a compute"),
}


@pytest.mark.parametrize(("text", "options", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_with_its_line(
    local: ApiServer, tmp_path: Path, text: str, options: tuple[str, ...], words: str
) -> None:
    (tmp_path / "c.yml").write_text(text)
    result = compute("create", "-f", "c.yml", *options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert local.computes == {}


def test_usage(local: ApiServer) -> None:
    assert compute("create").exit_code == 2
    assert compute("update", "cpu").exit_code == 2
    missing = compute("show", "cpu")
    assert (missing.exit_code, missing.stderr) == (1, "error: There is no compute cpu.\n")
