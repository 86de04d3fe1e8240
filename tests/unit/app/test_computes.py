"""Named computes: their records, their pools, and the watch that holds the one to the other."""

from datetime import timedelta
from typing import Any

import pytest

from shared.app.computes import REMEMBERED
from shared.app.orders import order_for
from shared.app.watch import GRACE, LOOKS
from shared.domain.errors import Conflict, Invalid, NotFound, Refused
from shared.domain.keys import run_name
from shared.domain.run import Run
from shared.domain.status import Status
from shared.jobs import AmlCompute
from shared.ports.compute import PoolSeen
from tests.factories import NOON, RUN, a_document, a_job, a_run
from tests.simulation.twins.attempts import Fate
from tests.simulation.twins.world import Twins
from tests.unit.app.watch_world import tick, told

S = Status
SOON = timedelta(seconds=30)


def a_compute(**fields: Any) -> dict[str, Any]:
    return {"name": "CPU-cluster", "type": "amlcompute", "max_instances": 4, **fields}


def world(**fields: Any) -> Twins:
    """With a compute."""
    twins = Twins()
    twins.product().computes.create(a_compute(**fields))
    return twins


def on_it(status: Status, name: str = RUN, **fields: Any) -> Run:
    return a_run(status, name=name, job=a_job(compute="azureml:cpu-cluster", **fields))


def submitted(twins: Twins, **fields: Any) -> Run:
    return twins.product().admission.submit_document(a_document(**fields), key=None)


def test_it_is_there_with_its_pool_and_made_once() -> None:
    twins = world()
    assert [pool.compute for pool in twins.compute.pools()] == ["cpu-cluster"]
    calls = twins.compute.calls
    twins.clock.pass_by(1)
    kept, new = twins.product().computes.create(a_compute())
    assert (kept.compute.name, new) == ("CPU-cluster", False)
    assert twins.compute.calls - calls == 1, "a list, and nothing to be done"


def test_its_numbers_change_and_its_nodes_do_not() -> None:
    twins = world(size="Standard_D2s_v3")
    computes = twins.product().computes
    computes.update("cpu-CLUSTER", {"max_instances": 9, "tags": {"a": "b"}})
    now = computes.show("cpu-cluster")
    assert (now.kept.compute.max_instances, now.kept.compute.size) == (9, "Standard_D2s_v3")
    assert twins.compute.shared["cpu-cluster"].compute.max_instances == 9
    with pytest.raises(Invalid, match=r"tier: .* can't be changed"):
        computes.create(a_compute(size="Standard_D2s_v3", tier="low_priority"))
    with pytest.raises(Invalid, match="max_instances: a compute of at most 100 nodes"):
        computes.update("cpu-cluster", {"max_instances": 200})
    with pytest.raises(Invalid, match="size of a compute can't be changed"):
        computes.update("cpu-cluster", {"size": "Standard_D8s_v3"})
    with pytest.raises(Invalid, match="above max_instances"):
        computes.update("cpu-cluster", {"min_instances": 10})
    with pytest.raises(NotFound, match="There is no compute 'gpu'"):
        computes.update("gpu", {"min_instances": 1})


def test_what_is_not_said_is_not_changed() -> None:
    twins = world(size="Standard_D2s_v3")
    computes = twins.product().computes
    document = a_compute(max_instances=3)
    document.pop("size", None)
    kept, new = computes.create(document)
    assert (kept.compute.size, kept.compute.max_instances, new) == ("Standard_D2s_v3", 3, False)


def test_two_changes_at_once_are_not_one_lost() -> None:
    twins = world()
    computes = twins.product().computes
    there = computes.registry.load("computes", "cpu-cluster")
    assert there is not None
    computes.update("cpu-cluster", {"max_instances": 2})
    with pytest.raises(Conflict):
        computes._replace(there, AmlCompute.model_validate(a_compute(max_instances=3)))


def test_one_that_the_service_refuses_is_not_there() -> None:
    twins = Twins()

    def refuse(compute: AmlCompute, seen: PoolSeen | None, **_: Any) -> None:
        raise Refused("Azure Batch has no VM size 'Standard_X' here.", code="InvalidPropertyValue")

    computes = twins.product().computes
    twins.compute.ensure = refuse  # type: ignore[method-assign]
    with pytest.raises(Refused):
        computes.create(a_compute())
    assert computes.list() == []


def test_where_it_is_must_be_where_the_account_is() -> None:
    twins = Twins()
    twins.compute.place = "westeurope"
    twins.product().computes.create(a_compute(location="West Europe"))
    with pytest.raises(Invalid, match="nodes are in westeurope"):
        twins.product().computes.create(a_compute(name="other", location="eastus"))


@pytest.mark.parametrize("status", [S.NOT_STARTED, S.QUEUED, S.RUNNING, S.FINALIZING])
def test_it_is_not_deleted_under_its_runs(status: Status) -> None:
    twins = world()
    twins.runs.create(on_it(status))
    with pytest.raises(Invalid, match=rf"in use by run {RUN}\.") as refused:
        twins.product().computes.delete("cpu-cluster")
    assert refused.value.remedy.startswith("Wait until it has ended, or cancel it")
    assert len(twins.compute.pools()) == 1


def test_deleted_it_is_gone_with_its_pool_however_often() -> None:
    twins = world()
    twins.runs.create(on_it(S.COMPLETED))
    for _ in range(2):
        twins.product().computes.delete("CPU-Cluster")
    assert (twins.compute.pools(), twins.product().computes.list()) == ([], [])


def test_a_job_s_compute_must_be_there() -> None:
    twins = world(size="Standard_D2s_v3")
    assert submitted(twins, compute="azureml:CPU-cluster").status is S.NOT_STARTED
    for built_in in ("local", "azureml:serverless"):
        assert submitted(twins, compute=built_in).job.compute == built_in
    with pytest.raises(Invalid, match="did you mean 'CPU-cluster'") as caught:
        submitted(twins, compute="azureml:cpu-clutser")
    assert "CPU-cluster, serverless, local" in caught.value.remedy
    with pytest.raises(Invalid, match="there is no compute 'gpu'"):
        submitted(twins, compute="gpu")


UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "more nodes": ({"instance_count": 5}, "has 4 nodes at most, and the job wants 5"),
    "another size": ({"instance_type": "Standard_NC6s_v3"}, "are Standard_D2s_v3, not Standard_NC"),
}


@pytest.mark.parametrize(("resources", "words"), UNFIT.values(), ids=UNFIT)
def test_a_job_must_fit_its_compute(resources: dict[str, Any], words: str) -> None:
    twins = world(size="Standard_D2s_v3")
    with pytest.raises(Invalid, match=words):
        submitted(twins, compute="cpu-cluster", resources=resources)


def test_a_schedule_s_job_must_have_its_compute_too() -> None:
    schedule = {
        "name": "nightly",
        "trigger": {"type": "cron", "expression": "0 3 * * *"},
        "create_job": a_document(compute="gpu"),
    }
    with pytest.raises(Invalid, match="there is no compute 'gpu'"):
        Twins().product().schedules.put(schedule)


def test_what_is_there_is_not_asked_for_with_each_job() -> None:
    twins = world()
    product = twins.product()
    asked, get = [], twins.registry.get

    def counted(kind: str, name: str) -> dict[str, Any] | None:
        asked.append(kind)
        return get(kind, name)

    twins.registry.get = counted  # type: ignore[method-assign]
    for _ in range(3):
        product.computes.demand(a_job(compute="cpu-cluster"))
    assert asked.count("computes") == 1
    twins.clock.pass_by(REMEMBERED.total_seconds() + 1)
    product.computes.demand(a_job(compute="cpu-cluster"))
    assert asked.count("computes") == 2


def a_watched(run: Run, fate: Fate) -> Twins:
    """The run's attempt on the compute's nodes."""
    twins = world()
    twins.compute.fate_of = lambda key: fate
    twins.runs.create(run)
    twins.compute.provision(order_for(run))
    return twins


#: The run, what becomes of its attempt, when it is looked at, and what it is told.
SEEN: dict[str, tuple[Run, Fate, timedelta, list[tuple[str, ...]]]] = {
    "runs": (on_it(S.PROVISIONING), Fate(running=99), SOON, [("moved", "Running")]),
    "runs, known": (on_it(S.RUNNING), Fate(running=99), SOON, []),
    "prepares": (on_it(S.PROVISIONING), Fate(preparing=99), SOON, [("moved", "Preparing")]),
    "waits for a node": (on_it(S.PROVISIONING), Fate(provisioning=10**6), GRACE, []),
    "waits for a node, for long": (
        on_it(S.PROVISIONING),
        Fate(provisioning=10**6),
        GRACE + SOON,
        [],
    ),
    "ended, marker lost": (on_it(S.RUNNING), Fate(), SOON, [("ended", "none")]),
    "its node is taken away": (
        on_it(S.RUNNING),
        Fate(ending="node lost"),
        SOON,
        [("ended", "infrastructure", "NodeTakenAway")],
    ),
    "its job waited too long": (
        on_it(S.PROVISIONING),
        Fate(ending="job expires"),
        SOON,
        [("ended", "infrastructure", "ComputeEnded")],
    ),
}


@pytest.mark.parametrize(("run", "fate", "after", "tells"), SEEN.values(), ids=SEEN)
def test_what_the_watch_tells(
    run: Run, fate: Fate, after: timedelta, tells: list[tuple[str, ...]]
) -> None:
    twins = a_watched(run, fate)
    tick(twins, after)
    assert told(twins) == tells
    assert [pool.compute for pool in twins.compute.pools()] == ["cpu-cluster"]


def test_a_run_whose_compute_is_gone_fails() -> None:
    """It was asked for in the instant in which the compute was deleted."""
    twins = a_watched(on_it(S.PROVISIONING), Fate())
    twins.registry.delete("computes", "cpu-cluster")
    tick(twins, timedelta(0))
    assert told(twins) == [("ended", "configuration", "ComputeDeleted")]
    assert twins.compute.pools() == [], "a pool without a compute is nobody's"


def test_a_pool_that_is_gone_is_made_again() -> None:
    twins = world()
    twins.compute.vanish("cpu-cluster")
    tick(twins)
    assert [pool.compute for pool in twins.compute.pools()] == ["cpu-cluster"]


def test_a_pool_that_is_as_it_should_be_costs_no_call() -> None:
    twins = world(min_instances=2)
    before = twins.compute.calls
    tick(twins)
    tick(twins)
    assert twins.compute.calls - before == 2 * 2, "two lists a tick"


def test_a_run_that_waits_has_the_pool_think_anew() -> None:
    twins = world()
    run = on_it(S.PROVISIONING, resources={"instance_count": 3})
    twins.runs.create(run)
    twins.compute.provision(order_for(run))
    tick(twins, timedelta(seconds=1))
    assert twins.compute.shared["cpu-cluster"].hurried
    assert twins.compute.shared["cpu-cluster"].made[1].endswith(" 2"), "nodes beyond one a task"


def test_one_compute_that_can_not_be_held_holds_up_no_other() -> None:
    twins = world()
    twins.product().computes.create(a_compute(name="b"))
    twins.compute.vanish("cpu-cluster")
    twins.compute.vanish("b")
    ensure = twins.compute.ensure

    def refuse(compute: AmlCompute, seen: PoolSeen | None, **how: Any) -> None:
        if compute.key == "b":
            raise Refused("No.", code="PoolQuotaReached")
        ensure(compute, seen, **how)

    twins.compute.ensure = refuse  # type: ignore[method-assign]
    tick(twins)
    assert [pool.compute for pool in twins.compute.pools()] == ["cpu-cluster"]


@pytest.mark.parametrize("active", [1, 1_000])
def test_the_number_of_calls_does_not_grow_with_the_runs(active: int) -> None:
    twins = world(max_instances=100)
    twins.compute.fate_of = lambda key: Fate(running=10**6)
    for number in range(active):
        run = on_it(S.RUNNING, name=run_name("r", NOON + timedelta(seconds=number)))
        twins.runs.create(run)
        twins.compute.provision(order_for(run))
    before = twins.compute.calls
    tick(twins, timedelta(hours=2))
    assert twins.compute.calls - before <= 3, "two lists, and one change of the pool"
    assert told(twins) == []


def test_runs_are_looked_at_in_turn_when_nodes_and_records_disagree() -> None:
    twins = world()
    twins.compute.fate_of = lambda key: Fate(running=10**6)
    for number in range(2 * LOOKS):
        run = on_it(S.PROVISIONING, name=run_name("r", NOON + timedelta(seconds=number)))
        twins.runs.create(run)
        twins.compute.provision(order_for(run))
    tick(twins, timedelta(minutes=10))
    assert twins.compute.reports.total() == LOOKS
    tick(twins, timedelta(minutes=1))
    assert len(twins.compute.reports) == 2 * LOOKS
