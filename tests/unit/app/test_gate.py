"""Limits on nodes: who waits, who is let in, and what is mended when messages or processes die."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.app.capacity_book import KIND
from shared.app.watch import GRACE, PATIENCE
from shared.domain.errors import Invalid
from shared.domain.events import Nudged
from shared.domain.ledger import Limits
from shared.domain.run import Source
from shared.domain.status import Status
from tests.factories import NOON, a_document, a_job, a_request
from tests.simulation.twins.attempts import Fate
from tests.simulation.twins.world import Twins

S = Status
CPU = {"name": "cpu", "type": "amlcompute", "max_instances": 1}


def a_world(nodes: int | None = 2, hours: float | None = None, running: float = 30) -> Twins:
    twins = Twins(limits=Limits(nodes=nodes, node_hours=hours))
    twins.compute.fate_of = lambda key: Fate(running=running)
    return twins


def ask(twins: Twins, count: int, first: int = 0, **job: object) -> list[str]:
    """So many runs, a second apart."""
    names = []
    for number in range(first, first + count):
        request = a_request(f"request-{number}", a_job(**job))
        names.append(twins.product().admission.submit(replace(request, at=twins.clock.now)).name)
        twins.settle(1)
    return names


def statuses(twins: Twins, names: list[str]) -> list[Status]:
    return [twins.runs.load(name).run.status for name in names]


def note(twins: Twins, name: str) -> str:
    return twins.runs.load(name).run.timeline[-1].note


def to_the_end(twins: Twins, names: list[str], most: int) -> list[str]:
    """Let time pass and the watch look; returns the runs in the order in which they started."""
    order: list[str] = []
    for _ in range(200):
        twins.settle(10)
        twins.product().watch.tick()
        there = [one for one in twins.compute.attempts() if not one.deleting]
        assert len(there) <= most, there
        order += [one.run for one in there if one.run not in order]
        if all(status.final for status in statuses(twins, names)):
            return order
    raise AssertionError(statuses(twins, names))


def taken(twins: Twins) -> list[str]:
    return [*twins.product().book.read().ledger.taken]


def test_those_over_the_limit_wait_and_start_by_their_age() -> None:
    twins = a_world(nodes=2)
    names = ask(twins, 5)
    assert statuses(twins, names) == [S.PROVISIONING] * 2 + [S.QUEUED] * 3
    assert note(twins, names[4]) == "waits for nodes: 2 of 2 in use"
    assert to_the_end(twins, names, most=2) == names
    assert statuses(twins, names) == [S.COMPLETED] * 5
    assert taken(twins) == []
    assert {run.attempt for run in twins.runs.list()} == {1}


def test_a_job_with_too_many_nodes_is_refused_and_what_a_schedule_asks_fails() -> None:
    twins = a_world(nodes=2)
    document = a_document(resources={"instance_count": 3})
    with pytest.raises(Invalid, match="wants 3 nodes") as caught:
        twins.product().admission.submit_document(document, None)
    assert caught.value.code == "TooManyNodes"
    request = replace(
        a_request("one", a_job(resources={"instance_count": 3})),
        source=Source(kind="cron", schedule="nightly"),
    )
    twins.product().admission.submit(request)
    twins.settle(2)
    run = twins.runs.load(request.run).run
    assert run.status is S.FAILED
    assert run.problem
    assert run.problem.code == "TooManyNodes"


def test_no_more_runs_are_on_a_shared_compute_than_it_has_nodes() -> None:
    """They would hold nodes that they don't have, which others could."""
    twins = a_world(nodes=2, running=10**6)
    twins.product().computes.create(CPU)
    names = ask(twins, 2, compute="azureml:cpu")
    own = ask(twins, 1, first=2)
    assert statuses(twins, names + own) == [S.PROVISIONING, S.QUEUED, S.PROVISIONING]
    assert note(twins, names[1]) == "waits for a node of compute 'cpu': it has 1"
    twins.product().admission.cancel(own[0])
    twins.settle(2)
    twins.product().computes.update("cpu", {"max_instances": 2})
    twins.product().watch.tick()
    twins.settle(1)
    assert statuses(twins, names)[1] is S.PROVISIONING


def test_the_day_s_hours_hold_until_midnight() -> None:
    twins = a_world(nodes=None, hours=1, running=3600)
    names = ask(twins, 2)
    assert statuses(twins, names) == [S.PROVISIONING, S.QUEUED]
    assert note(twins, names[1]).startswith("waits for node-hours: 0.0 of 1 are used today (UTC)")
    twins.settle(3610)
    twins.product().watch.tick()
    twins.settle(10)
    assert statuses(twins, names) == [S.COMPLETED, S.QUEUED]
    twins.clock.now = NOON + timedelta(hours=12)
    twins.product().watch.tick()
    twins.settle(1)
    assert statuses(twins, names)[1] is S.PROVISIONING


def test_a_run_that_is_canceled_while_it_waits_takes_no_place() -> None:
    twins = a_world(nodes=1)
    names = ask(twins, 3)
    twins.product().admission.cancel(names[1])
    twins.settle(1)
    assert to_the_end(twins, names, most=1) == [names[0], names[2]]
    assert statuses(twins, names) == [S.COMPLETED, S.CANCELED, S.COMPLETED]


def test_an_attempt_that_is_tried_again_asks_again() -> None:
    twins = a_world(nodes=1)
    twins.compute.fate_of = lambda key: (
        Fate(cause="infrastructure") if key.endswith("-1") else Fate(running=5)
    )
    names = ask(twins, 2)
    to_the_end(twins, names, most=1)
    assert statuses(twins, names) == [S.COMPLETED] * 2
    assert taken(twins) == []


def test_a_place_that_nobody_gave_back_is_taken_back() -> None:
    """The process died after the deletion, and the run was set right in another way."""
    twins = a_world(nodes=1)
    names = ask(twins, 2)
    run = twins.runs.load(names[0])
    ended = run.run.to(S.FINALIZING, twins.clock.now).to(S.FAILED, twins.clock.now)
    twins.runs.save(ended, run.etag)
    twins.compute.take_down(run.run.key)
    twins.product().watch.tick()
    twins.settle(1)
    assert statuses(twins, names)[1] is S.PROVISIONING
    assert taken(twins) == [f"{names[1]}-1"]


def test_a_run_that_was_not_told_is_told_again() -> None:
    twins = a_world(nodes=1, running=1)
    names = ask(twins, 2)
    twins.settle(10)
    twins.product().watch.tick()
    while taken(twins) != [f"{names[1]}-1"]:
        twins.settle(1)
        twins.bus.messages = [m for m in twins.bus.messages if m.session != names[1]]
    if statuses(twins, names)[1] is S.QUEUED:
        twins.clock.pass_by(GRACE.total_seconds() + 1)
        twins.product().watch.tick()
        twins.settle(1)
    assert statuses(twins, names)[1] is S.PROVISIONING


def test_what_is_not_on_the_ledger_asks_again_when_it_is_nudged() -> None:
    twins = a_world(nodes=1)
    names = ask(twins, 2)
    twins.registry.delete(KIND, "now")
    twins.clock.pass_by(PATIENCE.total_seconds() + 1)
    twins.product().watch.tick()
    twins.settle(5)
    assert statuses(twins, names)[1] is S.PROVISIONING


def test_who_waits_is_not_nudged() -> None:
    twins = a_world(nodes=1, running=10**6)
    ask(twins, 3)
    twins.clock.pass_by(PATIENCE.total_seconds() * 3)
    twins.product().watch.tick()
    assert [event for event in twins.bus.events() if isinstance(event, Nudged)] == []


def test_limits_that_are_taken_away_let_all_in() -> None:
    twins = a_world(nodes=1, running=10**6)
    names = ask(twins, 3)
    twins.limits = Limits()
    twins.clock.pass_by(PATIENCE.total_seconds() + 1)
    twins.product().watch.tick()
    twins.settle(1)
    assert statuses(twins, names)[1:] == [S.PROVISIONING] * 2


def test_a_drain_gives_all_places_back() -> None:
    twins = a_world(nodes=1, running=10**6)
    names = ask(twins, 3)
    twins.product().draining.drain("anna")
    later = ask(twins, 2, first=3)
    twins.settle(5)
    assert statuses(twins, names) == [S.CANCELED] * 3
    assert statuses(twins, later) == [S.QUEUED] * 2
    assert taken(twins) == []
    twins.product().draining.resume()
    twins.settle(5)
    assert statuses(twins, later) == [S.PROVISIONING, S.QUEUED]


def test_without_limits_no_ledger_is_kept() -> None:
    twins = a_world(nodes=None)
    names = ask(twins, 2)
    to_the_end(twins, names, most=2)
    assert twins.registry.get(KIND, "now") is None
