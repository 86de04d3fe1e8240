"""Which files fire a data trigger."""

from typing import Any

import pytest

from shared.jobs import DataTrigger

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
