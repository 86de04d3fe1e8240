"""Compute that belongs to no live run is taken down, and nothing else is."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.app.orders import order_for
from shared.app.watch import GRACE, PATIENCE
from shared.domain.status import Status
from tests.factories import IMAGE, RUN, a_run
from tests.simulation.twins.attempts import DELETING, Fate
from tests.simulation.twins.world import Twins
from tests.unit.app.watch_world import a_world, provisioning, tick, told

S = Status
LONG = PATIENCE + timedelta(seconds=1)


def test_a_job_that_ended_when_its_run_was_final_is_an_orphan() -> None:
    twins = a_world(a_run(S.COMPLETED), compute=False)
    twins.compute.provision(order_for(provisioning()))
    tick(twins, GRACE)
    assert [seen.deleting for seen in twins.compute.attempts()] == [False]  # too young
    tick(twins)
    assert [seen.deleting for seen in twins.compute.attempts()] == [True]
    assert told(twins) == []


@pytest.mark.parametrize("status", [S.PROVISIONING, S.RUNNING, S.FINALIZING, S.CANCEL_REQUESTED])
def test_the_job_of_a_live_attempt_is_left_alone(status: Status) -> None:
    twins = a_world(a_run(status, image=IMAGE), fate=Fate(running=10**6))
    tick(twins, LONG)
    assert [seen.deleting for seen in twins.compute.attempts()] == [False]


def test_the_job_of_an_older_attempt_is_an_orphan() -> None:
    twins = a_world(a_run(S.RUNNING, attempt=2))
    twins.compute.provision(order_for(provisioning()))
    tick(twins)
    assert twins.compute.made[f"{RUN}-1"].deleted_at is not None


def test_the_job_of_a_run_without_a_record_is_an_orphan() -> None:
    twins = Twins()
    twins.compute.provision(order_for(provisioning()))
    tick(twins)
    assert twins.compute.made[f"{RUN}-1"].deleted_at is not None


def test_a_job_that_only_looks_like_ours_is_left_alone() -> None:
    twins = Twins()
    twins.compute.provision(replace(order_for(provisioning()), key="mine", run=""))
    tick(twins, LONG)
    assert twins.compute.made["mine"].deleted_at is None


def test_a_pool_that_outlived_its_job_is_dropped() -> None:
    twins = a_world(provisioning(), fate=Fate(leaks=True))
    twins.compute.take_down(f"{RUN}-1")
    tick(twins, DELETING)
    assert len(twins.compute.pools()) == 1  # too young
    tick(twins)
    assert twins.compute.pools() == []


def test_a_pool_that_only_looks_like_ours_is_left_alone() -> None:
    """Somebody's own pool may have an id that begins as ours do; metadata of ours it hasn't."""
    twins = Twins()
    order = replace(order_for(provisioning()), key="shared")
    twins.compute.fate_of = lambda key: Fate(leaks=True)
    twins.compute.provision(order)
    twins.compute.take_down("shared")
    tick(twins, LONG)
    tick(twins, LONG)
    assert len(twins.compute.pools()) == 1
