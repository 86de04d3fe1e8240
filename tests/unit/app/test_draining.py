"""The kill switch: what it ends and deletes, what it leaves, and what becomes of who waits."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.app.capacity_book import KIND, NAME, REMEMBERED
from shared.app.orders import order_for
from shared.app.watch import GRACE
from shared.domain.errors import Transient
from shared.domain.keys import run_name
from shared.domain.run import Run
from shared.domain.status import Status
from shared.wiring import Product, built
from tests.factories import IMAGE, NOON, RUN, a_job, a_job_to_build, a_request, a_run, retrying
from tests.simulation.faults import Crash
from tests.simulation.twins.attempts import Fate
from tests.simulation.twins.world import Twins

S = Status
FOREVER = Fate(running=10**6)
CPU = {"name": "cpu", "type": "amlcompute", "min_instances": 1, "max_instances": 2}
BY = "drained by anna"


def a_world(*runs: Run) -> Twins:
    twins = Twins()
    twins.compute.fate_of = lambda key: FOREVER
    for run in runs:
        twins.runs.create(run)
        if run.attempt and run.status is not S.QUEUED:
            twins.compute.provision(order_for(run))
    return twins


def status(twins: Twins, name: str = RUN) -> tuple[Status, str]:
    run = twins.runs.load(name).run
    return run.status, run.timeline[-1].note


def left(twins: Twins) -> list[str]:
    jobs = [seen.id for seen in twins.compute.attempts()]
    return [*jobs, *(pool.id for pool in twins.compute.pools())]


@pytest.mark.parametrize(
    "run",
    [
        *(a_run(one, image=IMAGE) for one in (S.PROVISIONING, S.PREPARING, S.RUNNING)),
        a_run(S.NOT_STARTED),
        retrying(),
    ],
    ids=lambda run: str(run.status),
)
def test_what_lives_is_canceled_and_its_compute_is_gone(run: Run) -> None:
    twins = a_world(run)
    found = twins.product().draining.drain("anna")
    assert found.runs == (RUN,)
    twins.settle(30)
    assert status(twins) == (S.CANCELED, BY)
    assert left(twins) == []
    assert twins.product().draining.drain("otto").runs == ()


def test_what_is_over_or_leaves_ends_as_it_would_have() -> None:
    twins = a_world(a_run(S.FINALIZING, image=IMAGE))
    twins.product().draining.drain("anna")
    twins.clock.pass_by(GRACE.total_seconds() + 1)
    twins.product().watch.tick()  # its message was lost; it gets another
    twins.settle(30)
    assert status(twins)[0] is S.COMPLETED
    assert left(twins) == []


def test_a_run_that_is_about_to_be_tried_again_is_not() -> None:
    twins = a_world(a_run(S.RUNNING))
    twins.compute.fate_of = lambda key: Fate(cause="infrastructure")
    twins.compute.made.clear()
    twins.compute.provision(order_for(a_run(S.RUNNING)))
    twins.clock.pass_by(10)
    twins.product().watch.tick()
    twins.settle(1)
    assert status(twins)[0] is S.QUEUED
    twins.product().draining.drain("anna")
    twins.settle(60)
    assert status(twins) == (S.CANCELED, BY)
    assert left(twins) == []


def test_nobody_elses_is_touched() -> None:
    """Ids like ours without our metadata, and the pool of a job of somebody else's."""
    twins = a_world()
    order = order_for(a_run(S.PROVISIONING))
    twins.compute.provision(replace(order, key="nightly", run=""))
    twins.compute.provision(replace(order, key=f"{RUN}-x", run=""))
    before = left(twins)
    found = twins.product().draining.drain("anna")
    assert (found.jobs, found.pools) == ((), ())
    twins.settle(30)
    assert left(twins) == before


def test_what_no_record_knows_is_deleted_without_grace() -> None:
    twins = a_world()
    twins.compute.fate_of = lambda key: Fate(leaks=True)
    twins.compute.provision(order_for(a_run(S.PROVISIONING)))
    twins.product().draining.drain("anna")
    twins.clock.pass_by(21)  # its job is gone, its pool has leaked
    assert len(left(twins)) == 1
    twins.product().watch.tick()
    assert left(twins) == []


def test_pools_of_computes_go_and_come_back_after_the_hold() -> None:
    twins = a_world()
    product = twins.product()
    product.computes.create(CPU)
    found = product.draining.drain("anna")
    assert found.pools == ("retrain-compute-cpu",)
    assert left(twins) == []
    product.watch.tick()
    product.computes.update("cpu", {"max_instances": 3})
    product.computes.create({**CPU, "name": "gpu"})
    assert left(twins) == []
    product.draining.resume()
    product.watch.tick()
    assert left(twins) == ["retrain-compute-cpu", "retrain-compute-gpu"]


def test_what_is_asked_for_meanwhile_waits_and_says_so() -> None:
    twins = a_world()
    twins.product().draining.drain("anna")
    twins.clock.pass_by(1)
    names = [_ask(twins, identity) for identity in ("one", "two")]
    twins.settle(5)
    waits = "compute is held by anna: waits for `retrain compute resume`"
    assert [status(twins, name) for name in names] == [(S.QUEUED, waits)] * 2
    twins.product().draining.drain("otto")
    twins.clock.pass_by(3600)
    twins.product().watch.tick()
    twins.settle(5)
    assert [status(twins, name) for name in names] == [(S.QUEUED, waits)] * 2
    assert twins.product().draining.resume() == 2
    twins.settle(5)
    assert [status(twins, name)[0] for name in names] == [S.PROVISIONING] * 2


def test_an_image_is_not_built_meanwhile_and_one_that_is_built_waits() -> None:
    twins = a_world()
    twins.images.takes = timedelta(seconds=20)
    building = _ask(twins, "one", a_job_to_build())
    twins.settle(2)
    twins.product().draining.drain("anna")
    later = _ask(twins, "two", a_job_to_build(), after=1)
    twins.settle(60)
    assert status(twins, building) == (S.CANCELED, BY)
    assert status(twins, later)[0] is S.QUEUED
    assert twins.images.builds == 1
    twins.product().draining.resume()
    twins.settle(60)
    assert status(twins, later)[0] is S.PROVISIONING


def test_an_image_that_comes_during_a_hold_waits_in_the_queue() -> None:
    twins = a_world()
    twins.images.takes = timedelta(seconds=20)
    hold(twins)
    twins.product().draining.resume()
    name = _ask(twins, "one", a_job_to_build())
    twins.settle(2)
    _write(twins, since=NOON)  # a hold from before the run was asked for
    twins.settle(60)
    run = twins.runs.load(name).run
    assert [moment.status for moment in run.timeline][-2:] == [S.PREPARING, S.QUEUED]
    twins.product().draining.resume()
    twins.settle(5)
    assert twins.runs.load(name).run.image
    assert status(twins, name)[0] is S.PROVISIONING


def test_what_an_instance_started_not_knowing_of_the_hold_is_ended() -> None:
    twins = a_world()
    instance = twins.product()
    assert instance.book.held() is None  # and so it believes for a while
    hold(twins)
    twins.clock.pass_by(1)
    name = _ask(twins, "late")
    instance.admission.admit(twins.bus.requests[0])
    (event,) = twins.bus.events()
    twins.bus.clear()
    instance.inbox.handle(name, event)
    assert status(twins, name)[0] is S.PROVISIONING
    twins.product().watch.tick()
    twins.settle(30)
    assert status(twins, name) == (S.CANCELED, BY)
    assert left(twins) == []
    twins.clock.pass_by(REMEMBERED.total_seconds())
    assert instance.book.held()


def test_a_hold_costs_a_call_each_ten_seconds_not_one_a_run() -> None:
    twins = a_world()
    product = twins.product()
    reads = 0
    read = twins.registry.get

    def counted(kind: str, name: str) -> dict[str, object] | None:
        nonlocal reads
        reads += kind == KIND
        return read(kind, name)

    twins.registry.get = counted  # type: ignore[method-assign]
    for _ in range(20):
        product.book.held()
        twins.clock.pass_by(1)
    assert reads == 2


@pytest.mark.parametrize("at", range(12))
def test_it_goes_on_where_it_died(at: int) -> None:
    """Whatever call was the last, the watch finishes what was begun."""
    names = [run_name(f"r{number}", NOON) for number in range(2)]
    twins = a_world(*(a_run(S.RUNNING, name=name) for name in names))
    twins.product().computes.create(CPU)
    died = False
    try:
        _dying(twins, at).draining.drain("anna")
    except Crash:
        died = True
    if not twins.product().book.read().held:
        assert died, "it was done before it was held"
        twins.product().draining.drain("anna")
    twins.product().watch.tick()
    twins.settle(30)
    twins.product().watch.tick()
    assert {status(twins, name) for name in names} == {(S.CANCELED, BY)}
    assert left(twins) == []


@pytest.mark.parametrize("at", range(8))
def test_the_end_of_a_hold_goes_on_where_it_died(at: int) -> None:
    twins = a_world()
    hold(twins)
    names = [_ask(twins, identity, after=1) for identity in ("one", "two")]
    twins.settle(5)
    try:
        _dying(twins, at).draining.resume()
    except Crash:
        if twins.product().book.read().held:
            return  # it is held still, and can be ended again
    twins.product().watch.tick()
    twins.settle(5)
    assert {status(twins, name)[0] for name in names} == {S.PROVISIONING}
    assert twins.product().book.read().resumed_at is None


def test_two_at_once_are_one() -> None:
    twins = a_world(a_run(S.RUNNING))
    first, second = twins.product(), twins.product()
    one, two = first.draining.drain("anna"), second.draining.drain("otto")
    assert one.held == two.held
    twins.settle(30)
    assert status(twins) == (S.CANCELED, BY)
    assert first.draining.resume() == second.draining.resume() == 0


def test_one_that_can_not_be_deleted_holds_up_no_other() -> None:
    names = [run_name(f"r{number}", NOON) for number in range(3)]
    twins = a_world(*(a_run(S.RUNNING, name=name) for name in names))
    take_down = twins.compute.take_down

    def refused(key: str) -> None:
        if key.startswith(names[0]):
            raise Transient("The service is busy.")
        take_down(key)

    twins.compute.take_down = refused  # type: ignore[method-assign]
    twins.product().draining.drain("anna")
    assert [seen.deleting for seen in twins.compute.attempts()] == [False, True, True]


def hold(twins: Twins) -> None:
    twins.product().draining.drain("anna")


def _write(twins: Twins, since: object) -> None:
    held = {"by": "anna", "since": f"{since:%Y-%m-%dT%H:%M:%SZ}"}
    twins.registry.put(KIND, NAME, {"held": held})


def _ask(twins: Twins, identity: str, job: object = None, after: float = 0) -> str:
    twins.clock.pass_by(after)
    request = replace(a_request(identity, job or a_job()), at=twins.clock.now)  # type: ignore[arg-type]
    return twins.product().admission.submit(request).name


def _dying(twins: Twins, at: int) -> Product:
    """A process that dies at its call number `at` of a port that writes."""
    calls = 0

    class Dying:
        def __init__(self, port: object) -> None:
            self._port = port

        def __getattr__(self, name: str) -> object:
            method = getattr(self._port, name)

            def call(*args: object, **kwargs: object) -> object:
                nonlocal calls
                calls += 1
                if calls > at:
                    raise Crash(name)
                return method(*args, **kwargs)

            return call

    ports = twins.ports
    faulty = {name: Dying(getattr(ports, name)) for name in ("registry", "bus", "compute")}
    return built(replace(ports, inventory=Dying(ports.inventory), **faulty))  # type: ignore[arg-type]
