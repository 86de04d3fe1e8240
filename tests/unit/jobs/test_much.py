"""Much of what is wrong, or of what can't be kept, is told soon, in few words, and as text."""

import json
from typing import Any

import pytest

from functions.api.problems import told
from shared.jobs import InvalidDocument, parse_job
from shared.jobs.document import MOST_TOLD
from shared.jobs.text import MOST_ENTRIES

pytestmark = pytest.mark.timeout(60)  # without their limits, each of these takes minutes

JOB: dict[str, Any] = {"command": "echo", "environment": {"image": "python"}}
MANY = [f"name_{number}" for number in range(20_000)]
BINDINGS = " ".join("${{inputs." + name + "x}}" for name in MANY[:1_000])

#: Fields beside a job's own, how many problems are told, and the last of them.
MUCH: dict[str, tuple[dict[str, Any], int, str]] = {
    "unknown fields": (dict.fromkeys(MANY, 1), MOST_TOLD + 1, "19,980 more unknown fields"),
    "inputs": ({"inputs": dict.fromkeys(MANY, 1)}, 1, "inputs: has 20,000 entries; 1,000 are"),
    "tags": ({"tags": dict.fromkeys(MANY, 1)}, 1, "tags: has 20,000 entries"),
    "outputs": ({"outputs": dict.fromkeys(MANY)}, 1, "outputs: has 20,000 entries"),
    "variables": ({"environment_variables": dict.fromkeys(MANY, 1)}, 1, "20,000 entries"),
    "dangling bindings": (
        {"command": BINDINGS, "inputs": dict.fromkeys(MANY[:MOST_ENTRIES], 1)},
        1_000,
        "stands for nothing",
    ),
    "one dangling binding, often": ({"command": "${{inputs.x}} " * 2_000}, 1, "inputs.x"),
}


@pytest.mark.parametrize(("fields", "count", "last"), MUCH.values(), ids=MUCH)
def test_much_is_told_soon(fields: dict[str, Any], count: int, last: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        parse_job({**JOB, **fields})
    assert len(refused.value.problems) == count
    assert last in str(refused.value.problems[-1])


UNKEPT: dict[str, dict[str, Any]] = {
    "half a pair in a tag's name": {"tags": {"\ud800": "a"}},
    "NUL in a tag's name": {"tags": {"\0": "a"}},
    "NUL in a property": {"properties": {"a": "\0"}},
    "no number as a limit": {
        "inputs": {"a": {"type": "number", "default": 1, "max": float("nan")}}
    },
    "no number as a choice": {
        "inputs": {"a": {"type": "number", "default": 1, "enum": [1, float("inf")]}}
    },
}


@pytest.mark.parametrize("fields", UNKEPT.values(), ids=UNKEPT)
def test_what_no_record_can_keep_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidDocument):
        parse_job({**JOB, **fields})


def test_an_answer_may_quote_any_text() -> None:
    response = told(422, "InvalidDocument", "'\ud800' is unknown", details=[("\ud800", "no")])
    assert json.loads(bytes(response.body))["error"]["details"][0]["field"] == "\ud800"
