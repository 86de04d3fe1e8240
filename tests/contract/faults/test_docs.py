"""docs/faults.md: its examples run, and its tables say what the code does."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic.fields import FieldInfo

from retrain.local.batch import BatchServer
from retrain.local.faults import read_plan
from retrain.local.faults.kinds import KINDS
from retrain.local.faults.operations import SERVICEBUS
from retrain.local.faults.rule import Rule
from retrain.local.faults.span import Span
from tests.contract.faults.batch_service import controlled, faulty_batch

PAGE = Path("docs/faults.md").read_text("utf-8")
HEADINGS = {"batch": "## Batch", "servicebus": "## Service Bus", "blob": "## Blob Storage"}
COMMON = {*Rule.model_fields, "service", "kind"}


def examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_plan_can_be_read(tmp_path: Path) -> None:
    (example,) = examples("yaml")
    file = tmp_path / "faults.yml"
    file.write_text(example, "utf-8")
    assert [rule.kind_name() for rule in read_plan(file).rules] == ["throttle", "duplicate", "drop"]


def test_the_python_example_does_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = examples("python")
    exec(example, {})
    assert capsys.readouterr().out.splitlines() == [
        "train-1 True", "other False", "train-2 True", "train-3 False",
        "3 ['train-1', 'train-2']",
    ]  # fmt: skip


@pytest.fixture
def server(tmp_path: Path) -> Iterator[BatchServer]:
    with faulty_batch(tmp_path) as server:
        yield server


@pytest.mark.skipif(shutil.which("curl") is None, reason="the example is curl's")
def test_the_endpoint_answers_as_the_page_says(server: BatchServer) -> None:
    example = examples("sh")[1]
    with controlled(server) as url:
        environment = {"CONTROL": url, "PATH": "/usr/bin:/bin", "NO_PROXY": "*"}
        told = subprocess.run(
            ["sh", "-ec", example], env=environment, capture_output=True, text=True, timeout=60
        )
    assert told.returncode == 0, told
    assert '"actions":["batch/preempt","batch/unusable"]' in told.stdout
    assert told.stdout.endswith('{"name":"outage"}')
    assert not server.faults.armed


def table(service: str) -> dict[str, str]:
    """A section's lines, by kind."""
    section = PAGE.split(HEADINGS[service])[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` (\|.*)$", section, re.MULTILINE))


def words(field: FieldInfo) -> str:
    """A parameter's default as the page writes it."""
    default: Any = field.default
    if isinstance(default, Span):
        return f"{default.low:g}"
    return "" if field.is_required() else str(default)


KINDS_OF = [(service, name) for service, kinds in KINDS.items() for name in kinds]


@pytest.mark.parametrize(("service", "name"), KINDS_OF)
def test_every_kind_is_described(service: str, name: str) -> None:
    line = table(service)[name]
    for parameter, field in KINDS[service][name].model_fields.items():
        if parameter in COMMON:
            continue
        assert f"`{parameter}`" in line
        if parameter != "message" and words(field) not in ("", "None"):
            said = re.search(rf"`{parameter}` \(`?([^;)`]*)", line)
            assert said is not None, parameter
            assert said[1] == words(field)


@pytest.mark.parametrize("service", KINDS)
def test_no_kind_is_described_that_is_not_there(service: str) -> None:
    assert set(table(service)) == set(KINDS[service])


def test_every_operation_of_service_bus_is_named() -> None:
    section = PAGE.split(HEADINGS["servicebus"])[1].split("| kind |")[0]
    assert set(re.findall(r"`(\w+)`", section)) - {"where", "entity", "session", "operation"} == (
        SERVICEBUS
    )


def test_every_rules_field_is_described() -> None:
    section = PAGE.split("## Rules")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE)) == COMMON
