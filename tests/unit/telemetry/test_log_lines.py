"""Lines of the log: their fields have one name each, and they can be JSON."""

import ast
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from shared import wire
from shared.domain.events import Requested
from shared.domain.status import Status
from shared.telemetry.json_lines import JsonLines, write_json
from tests.factories import a_document
from tests.simulation.twins.world import Twins

ROOT: Final = Path(__file__).parents[3]
DOCS: Final = (ROOT / "docs" / "telemetry.md").read_text()
#: Functions that make the `extra` of several lines.
MAKERS: Final = ("_fields", "_tell")


def _calls() -> Iterator[tuple[str, ast.Call]]:
    """Every line that the product logs."""
    for file in sorted([*ROOT.glob("shared/**/*.py"), *ROOT.glob("functions/**/*.py")]):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "log"
            ):
                yield f"{file.relative_to(ROOT)}:{node.lineno}", node


def _documented() -> set[str]:
    table = DOCS.partition("## The log")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE))


def test_what_is_said_of_a_run_or_a_schedule_has_it_as_a_field() -> None:
    bare = []
    for place, call in _calls():
        text = call.args[0]
        assert isinstance(text, ast.Constant), place
        subject = re.match(r"(run|schedule|compute|environment|file) %s", str(text.value))
        if subject and "extra" not in [keyword.arg for keyword in call.keywords]:
            bare.append(place)
    assert bare == [], 'give it `extra={"run": …}`; the names of fields are in docs/telemetry.md'


def test_each_field_is_documented_and_each_that_is_documented_is_written() -> None:
    written = set()
    for file in ROOT.glob("shared/**/*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Dict) and _is_extra(node, file):
                written |= {key.value for key in node.keys if isinstance(key, ast.Constant)}
    own = {"time", "level", "logger", "message", "exception"}
    assert _documented() == written | own


def _is_extra(node: ast.Dict, file: Path) -> bool:
    """By where it stands: `extra={…}`, `fields = {…}` or what a maker returns."""
    for other in ast.walk(ast.parse(file.read_text())):
        match other:
            case ast.keyword(arg="extra", value=value):
                found = value
            case ast.Assign(targets=[ast.Name(id="fields")], value=value):
                found = value
            case ast.FunctionDef(name="_fields", body=[*_, ast.Return(value=ast.Dict() as value)]):
                found = value
            case _:
                continue
        if isinstance(found, ast.Dict) and ast.dump(found) == ast.dump(node):
            return True
    return False


@pytest.fixture
def lines() -> Iterator[StringIO]:
    """What the product logs, as JSON."""
    out = StringIO()
    handler, logger = logging.StreamHandler(out), logging.getLogger("retrain")
    level = logger.level
    write_json([handler])
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield out
    logger.removeHandler(handler)
    logger.setLevel(level)


def _read(lines: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_a_run_leaves_one_line_for_each_decision(lines: StringIO) -> None:
    twins = Twins()
    run = twins.product().admission.submit_document(a_document(), None)
    twins.settle(120)
    twins.product().observer.landed(f"{run.name}/1/ended")
    twins.settle()
    decisions = [line for line in _read(lines) if line["logger"] == "retrain.workflow"]
    assert {line["run"] for line in decisions} == {run.name}
    assert decisions[0]["event"] == "requested"
    assert (decisions[0]["from"], decisions[0]["to"]) == ("NotStarted", "Provisioning")
    assert decisions[0]["commands"] == ["provision"]
    assert decisions[-1]["to"] == Status.COMPLETED
    assert all(a["to"] == b["from"] for a, b in pairwise(decisions))
    assert len({line["event_id"] for line in decisions}) == len(decisions)
    assert not any(line["again"] for line in decisions)
    assert all(datetime.fromisoformat(line["time"]).tzinfo for line in decisions)


def test_an_event_that_comes_again_is_told_as_that(lines: StringIO) -> None:
    twins = Twins()
    twins.product().admission.submit_document(a_document(), None)
    twins.settle(2)
    (name,) = (run.name for run in twins.runs.list())
    run = twins.runs.load(name).run
    event = Requested(id=run.last_event, at=twins.clock.now)
    twins.product().inbox.handle(*wire.decode_event(wire.encode_event(name, event)))
    last = _read(lines)[-1]
    assert last["again"] is True
    assert last["from"] == last["to"]


def test_values_of_any_kind_become_json() -> None:
    record = logging.makeLogRecord(
        {
            "name": "retrain.x",
            "levelname": "WARNING",
            "msg": "run %s: ünlucky\n%d",
            "args": ("r1", 7),
            "status": Status.QUEUED,
            "due": datetime(2026, 1, 1, tzinfo=UTC),
            "many": (1, 2.5, None, {"path": Path("a")}),
            "nothing": None,
        }
    )
    (line,) = JsonLines().format(record).splitlines()
    found = json.loads(line)
    assert found["message"] == "run r1: ünlucky\n7"
    assert (found["logger"], found["level"]) == ("retrain.x", "WARNING")
    assert (found["status"], found["due"]) == ("Queued", "2026-01-01T00:00:00+00:00")
    assert found["many"] == [1, 2.5, None, {"path": "a"}]
    assert "nothing" not in found


def test_a_traceback_is_one_line_too() -> None:
    out = StringIO()
    handler, logger = logging.StreamHandler(out), logging.getLogger("tests.json_lines")
    write_json([handler])
    logger.addHandler(handler)
    try:
        raise ValueError("no\nway")
    except ValueError:
        logger.exception("it failed")
    (line,) = out.getvalue().splitlines()
    assert "ValueError: no\nway" in json.loads(line)["exception"]
