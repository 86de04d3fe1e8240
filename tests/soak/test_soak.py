"""A soak that CI has time for: every service is killed once alone, and all of them together."""

import os
import random
from pathlib import Path

import pytest

from tests.soak.plan import SERVICES, planned
from tests.soak.soak import soaked

#: Printed with a failure; RETRAIN_SEED repeats it.
SEED = int(os.environ.get("RETRAIN_SEED", random.randrange(10**6)))
RUNS = 30
SECONDS = 20.0

pytestmark = pytest.mark.xdist_group("soak")


@pytest.mark.timeout(600)
def test_whatever_is_killed_nothing_is_lost_doubled_or_left(tmp_path: Path) -> None:
    plan = planned(SEED, RUNS, SECONDS, every=4.0)
    report = soaked(plan, tmp_path / "soak", patience=20.0, calm=240.0)
    told = "\n".join(report.lines())
    assert report.good, told
    assert report.runs >= RUNS - report.kinds["gathered"], told
    assert sum(report.kills.values()) == 5, told
    assert report.faults, told


def test_a_seed_is_a_plan() -> None:
    plan = planned(1, 100, 60.0, every=6.0)
    assert planned(1, 100, 60.0, every=6.0) == plan
    assert planned(2, 100, 60.0, every=6.0) != plan
    assert len({ask.kind for ask in plan.asks}) == 12, "each kind is asked for"
    assert SERVICES in [kill.services for kill in plan.kills], "all are killed at once"
    moments = [*(ask.at for ask in plan.asks), *(kill.at for kill in plan.kills)]
    assert all(0 <= at <= 60 for at in moments)
