"""Whatever the order of events and faults: no file is lost or doubled, and no time."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.app.agenda import Agenda
from shared.app.file_memory import FileMemory
from shared.app.windows import Windows
from tests.simulation.replay import COMMAND
from tests.simulation.schedule_world import ScheduleWorld
from tests.simulation.shrink import played, report
from tests.simulation.twins.registry import SimulatedRegistry

SEEDS_A_TEST = 20


@pytest.mark.parametrize("first", range(0, 20, SEEDS_A_TEST))
def test_every_file_and_every_time_is_in_one_run(first: int) -> None:
    for seed in range(first, first + SEEDS_A_TEST):
        one = played(ScheduleWorld, seed)
        if one.broken is not None:
            pytest.fail(report(ScheduleWorld, seed, one, f"{COMMAND} --schedules"), pytrace=False)


def broken(seed: int) -> bool:
    return played(ScheduleWorld, seed).broken is not None


def nothing_is_remembered(*_: Any) -> None:
    return None


def whoever_saves_last_wins(
    self: SimulatedRegistry, kind: str, name: str, document: Any, etag: str | None
) -> str:
    self.put(kind, name, document)
    return ""


def nothing_on_the_agenda(*_: Any) -> None:
    """As if an entry were taken off before what follows from it is written."""


PLANTED: dict[str, tuple[type, str, Callable[..., Any]]] = {
    "no memory of files": (FileMemory, "known", nothing_is_remembered),
    "no ETags": (SimulatedRegistry, "save", whoever_saves_last_wins),
    "no agenda": (Agenda, "add", nothing_on_the_agenda),
    "nobody finishes what another one began": (Windows, "_finish", nothing_is_remembered),
}


@pytest.mark.parametrize(("part", "name", "fault"), PLANTED.values(), ids=PLANTED)
def test_a_planted_fault_is_found(
    part: type, name: str, fault: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part, name, fault)
    assert any(broken(seed) for seed in range(100))
