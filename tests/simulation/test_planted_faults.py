"""The simulation finds faults: each of these, put into the product by hand, breaks an invariant."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.app.image_builds import ImageBuilds
from shared.app.notifying import Notifier
from shared.app.observing import Observer
from shared.app.shared_nodes import SharedNodesWatch
from shared.app.watch import Watch
from shared.app.workflow import Workflow
from shared.domain.events import Event
from shared.domain.transitions import advance
from tests.simulation.simulation import Simulation

SEEDS = 120


def broken(seed: int) -> bool:
    try:
        Simulation(seed).run()
    except AssertionError:
        return True
    return False


def nothing(*_: Any, **__: Any) -> None:
    """In place of a part of the watch."""


def whoever_saves_last_wins(self: Workflow, name: str, event: Event) -> None:
    """A step that saves whatever the record has become meanwhile."""
    stored = self.runs.load(name)
    decision = advance(stored.run, event)
    if decision.run != stored.run:
        self.runs.save(decision.run, self.runs.load(name).etag)
    for command in decision.commands:
        self.effects.perform(decision.run, command, event)


def an_ended_job_is_only_looked_at(self: Watch, scene: Any, run: Any) -> None:
    """As if Batch ended the tasks of each job that it ends."""
    self.observer.observe(run.name, run.attempt, tag=scene.tag)


def nobody_is_asked_again(self: Notifier, run: Any, command: Any, why: str) -> None:
    """In place of telling it later."""


def all_are_orphans(self: SharedNodesWatch, nodes: Any) -> None:
    """As if a pool without a run were nobody's."""
    for key, pool in nodes.pools.items():
        if not nodes.runs.get(key):
            self.inventory.drop_pool(pool.id)


def everybody_builds(self: ImageBuilds, claim: Any, recipe: Any, *, afresh: bool) -> None:
    """As if no claim were there: whoever finds no image has one built."""


PLANTED: dict[str, tuple[type, str, Callable[..., None]]] = {
    "no claims on builds": (ImageBuilds, "_under_way", everybody_builds),
    "nobody cleans up": (Watch, "_clean_up", nothing),
    "nobody looks at what has compute": (Watch, "_over", nothing),
    "nobody nudges": (Watch, "_in_between", nothing),
    "no ETag": (Workflow, "handle", whoever_saves_last_wins),
    "told once or never": (Notifier, "_later", nobody_is_asked_again),
    "nobody holds the pools of computes": (SharedNodesWatch, "hold", nothing),
    "pools of computes are taken for orphans": (SharedNodesWatch, "hold", all_are_orphans),
    "nobody looks at runs one by one": (Observer, "look", nothing),
    "runs of a deleted compute wait": (SharedNodesWatch, "unplaced", nothing),
    "jobs end with their tasks": (Watch, "_over", an_ended_job_is_only_looked_at),
}


@pytest.mark.parametrize(("part", "name", "fault"), PLANTED.values(), ids=PLANTED)
def test_a_planted_fault_is_found(
    part: type, name: str, fault: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part, name, fault)
    assert any(broken(seed) for seed in range(SEEDS))
