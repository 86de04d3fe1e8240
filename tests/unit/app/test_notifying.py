"""Whom a run tells of its end, and what becomes of those that can't be told."""

import json
from dataclasses import replace

import pytest

from shared import wire
from shared.app.notifying import BACKOFF
from shared.domain.errors import Invalid
from shared.domain.events import NotifyDue
from shared.domain.run import Run
from shared.domain.status import Status
from tests.factories import (
    NOON,
    RUN,
    a_document,
    a_job,
    a_run,
    a_schedule,
    cancel_asked,
    ended,
    taken_down,
)
from tests.simulation.twins.world import Twins

HERE, THERE = "https://here.example/hook", "https://there.example/hook"
JOB = a_job(
    notifications=[
        {"webhook": HERE},
        {"webhook": THERE, "events": ["canceled", "completed"]},
    ]
)


def a_world(run: Run) -> Twins:
    twins = Twins()
    twins.runs.create(run)
    return twins


def finalizing(twins: Twins, cause: str = "none") -> None:
    twins.product().workflow.handle(RUN, ended(cause))  # type: ignore[arg-type]


def noted(twins: Twins, number: int) -> tuple[str, int, str]:
    """What is known of the notification of the address: its state, tries, and why it was not."""
    product = twins.product()
    found = product.deliveries.of(product.queries.show(RUN))[number]
    assert found["webhook"] == (HERE, THERE)[number]
    return found["state"], found["tries"], found["reason"]


def test_a_run_that_tells_nobody_is_asked_about_nothing() -> None:
    twins = a_world(a_run(Status.COMPLETED))
    assert twins.product().deliveries.of(twins.runs.load(RUN).run) == ()


def test_each_is_told_of_what_it_asked_for() -> None:
    twins = a_world(a_run(Status.RUNNING, job=JOB))
    finalizing(twins)
    assert not twins.webhooks.told
    twins.product().workflow.handle(RUN, taken_down())
    assert [*twins.webhooks.told] == [f"{RUN}-completed-0", f"{RUN}-completed-1"]
    told = json.loads(twins.webhooks.told[f"{RUN}-completed-0"][0])
    assert told["type"] == "run.completed"
    assert told["data"]["name"] == RUN
    assert told["data"]["status"] == "Completed"
    assert told["data"]["error"] is None


def test_a_failure_is_told_with_its_error() -> None:
    twins = a_world(a_run(Status.RUNNING, job=JOB))
    finalizing(twins, "script")
    twins.product().workflow.handle(RUN, taken_down())
    assert [*twins.webhooks.told] == [f"{RUN}-failed-0"]
    told = json.loads(twins.webhooks.told[f"{RUN}-failed-0"][0])
    assert told["data"]["error"]["code"]


def test_a_cancel_before_compute_is_told() -> None:
    twins = a_world(a_run(Status.QUEUED, job=JOB))
    twins.product().workflow.handle(RUN, cancel_asked())
    assert [*twins.webhooks.told] == [f"{RUN}-canceled-1"]


def test_an_end_that_is_delivered_again_has_the_same_ids() -> None:
    twins = a_world(a_run(Status.RUNNING, job=JOB))
    finalizing(twins)
    for _ in range(2):
        twins.product().workflow.handle(RUN, taken_down())
    assert len(twins.webhooks.told[f"{RUN}-completed-0"]) == 2
    bodies = twins.webhooks.told[f"{RUN}-completed-0"]
    assert bodies[0] == bodies[1]


def deliver(twins: Twins) -> list[NotifyDue]:
    """All that is on the bus, when it is due; what was delivered."""
    seen = []
    while message := next(iter(twins.bus.messages), None):
        twins.clock.now = max(twins.clock.now, message.visible_at)
        _, event = wire.decode_event(message.body)
        assert isinstance(event, NotifyDue)
        seen.append(event)
        twins.bus.settle(RUN, message, done=True)
        twins.product().workflow.handle(RUN, event)
    return seen


def test_one_that_is_down_is_told_when_it_is_up_again() -> None:
    twins = a_world(a_run(Status.RUNNING, job=JOB))
    twins.webhooks.down = {HERE}
    finalizing(twins)
    twins.bus.messages.clear()
    before = twins.product().workflow
    before.handle(RUN, taken_down())
    record = twins.runs.load(RUN)
    assert [*twins.webhooks.told] == [f"{RUN}-completed-1"], "it holds up no other"
    twins.webhooks.down.clear()
    assert noted(twins, 0) == ("waiting", 1, "It answered 503.")
    assert [event.tries for event in deliver(twins)] == [1]
    assert noted(twins, 0) == ("told", 2, "")
    assert noted(twins, 1) == ("told", 1, "")
    assert len(twins.webhooks.told[f"{RUN}-completed-0"]) == 1
    assert twins.runs.load(RUN) == record, "a run that is over stays as it is"


def test_one_that_stays_down_is_given_up() -> None:
    twins = a_world(a_run(Status.RUNNING, job=JOB))
    twins.webhooks.down = {HERE}
    finalizing(twins)
    twins.bus.messages.clear()
    twins.product().workflow.handle(RUN, taken_down())
    begun = twins.clock.now
    assert [event.tries for event in deliver(twins)] == [1, 2, 3, 4, 5]
    assert (twins.clock.now - begun).total_seconds() == sum(BACKOFF)
    assert noted(twins, 0) == ("given up", 6, "It answered 503.")


def test_one_that_does_not_want_it_is_not_asked_again() -> None:
    twins = a_world(a_run(Status.RUNNING, job=JOB))
    twins.webhooks.gone = {HERE}
    finalizing(twins)
    twins.bus.messages.clear()
    twins.product().workflow.handle(RUN, taken_down())
    assert deliver(twins) == []
    state, tries, reason = noted(twins, 0)
    assert (state, tries) == ("given up", 1)
    assert reason


def test_an_address_that_will_never_be_told_is_refused_at_once() -> None:
    private = [{"webhook": HERE}, {"webhook": "https://private.example"}]
    product = Twins().product()
    with pytest.raises(Invalid, match=r"notifications\[1\].webhook: It is private") as refused:
        product.admission.submit_document(a_document(notifications=private), None)
    assert refused.value.details == (("notifications[1].webhook", "It is private."),)
    schedule = a_schedule({"type": "data", "path": "*.csv"}, notifications=private)
    with pytest.raises(Invalid, match="It is private"):
        product.schedules.put(schedule)


def test_a_late_event_of_a_run_that_is_over_changes_nothing_on_it() -> None:
    run = replace(a_run(Status.COMPLETED, job=JOB), last_event="x")
    twins = a_world(run)
    event = NotifyDue(id="n", at=NOON, webhook=1, occasion="completed", tries=3)
    twins.product().workflow.handle(RUN, event)
    assert twins.runs.load(RUN).run == run
    assert [*twins.webhooks.told] == [f"{RUN}-completed-1"]
