"""docs/failures.md tells each code that a run can fail with, in the words that the run has."""

import re
from collections.abc import Iterator
from pathlib import Path

from shared.app import observing
from shared.azure.batch_codes import (
    ALLOCATION,
    ANY_ALLOCATION,
    QUOTA_REMEDY,
    QUOTAS,
    TASKS,
    Meaning,
)
from shared.domain.run import Problem

DOC = Path(__file__).parents[2] / "docs" / "failures.md"
_AGAIN = "tries again"
_ENDS = "the run fails"


def _row(codes: list[str], means: str, does: str, remedy: str) -> str:
    return f"| {', '.join(f'`{code}`' for code in codes)} | {means} | {does} | {remedy} |"


def _watched() -> Iterator[Problem]:
    """But for the timeout, which stands among the ends of a script."""
    found = (value for value in vars(observing).values() if isinstance(value, Problem))
    found = (problem for problem in found if problem.code != "Timeout")
    yield from sorted(found, key=lambda problem: problem.code)


def _does(meaning: Meaning) -> str:
    return _AGAIN if meaning.of == "node" else _ENDS


def tables() -> dict[str, list[str]]:
    """By the heading that they stand below."""
    return {
        "No node": [
            _row(list(QUOTAS), "A quota of the Batch account is reached.", _AGAIN, QUOTA_REMEDY),
            *(_row([code], f"{s}.", _AGAIN, remedy) for code, (s, remedy) in ALLOCATION.items()),
            _row(["any other"], f"{ANY_ALLOCATION[0]}.", _AGAIN, ANY_ALLOCATION[1]),
        ],
        "The node, and what it needs": [
            _row(list(one.codes), f"{one.begins} {one.says}.", _does(one), one.remedy)
            for one in TASKS
        ],
        "Compute that went away": [
            _row([one.code], one.message, _AGAIN, one.remedy) for one in _watched()
        ],
    }


def test_the_tables_are_the_codes_own() -> None:
    text = DOC.read_text()
    for heading, rows in tables().items():
        section = re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        assert section is not None, heading
        told = [line for line in section[1].splitlines() if line.startswith("| `")]
        assert told == rows, "\n".join(rows)


def test_each_code_is_told_once() -> None:
    codes = re.findall(
        r"`([A-Z]\w+\*?)`",
        "\n".join(
            line.split("|")[1] for line in DOC.read_text().splitlines() if line.startswith("| `")
        ),
    )
    assert sorted(codes) == sorted(set(codes))
    assert {"ScriptFailed", "ScriptKilled", "Timeout", "PreparationFailed"} <= set(codes)
