"""From a request to a run: once, whoever dies in between and however often it is asked."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from shared.app.documents import LARGEST
from shared.app.orders import order_for
from shared.app.watch import GRACE
from shared.domain.errors import Conflict, Invalid, NotFound
from shared.domain.events import CancelAsked, Requested
from shared.domain.run import Run, Verdict
from shared.domain.status import Status
from shared.ports.runs import Stored
from tests.factories import NOON, RUN, a_document, a_request, a_run, a_schedule
from tests.simulation.twins.attempts import Fate
from tests.simulation.twins.runs import SimulatedRuns
from tests.simulation.twins.world import Twins


def test_what_is_submitted_is_there_at_once() -> None:
    twins = Twins()
    run = twins.product().admission.submit(a_request())
    assert twins.product().queries.show(run.name).status is Status.NOT_STARTED
    assert twins.bus.requests == [a_request()]


def test_the_same_key_is_the_same_run_at_another_time() -> None:
    twins = Twins()
    first = twins.product().admission.submit_document(a_document(), "mine")
    twins.clock.pass_by(3600)
    again = twins.product().admission.submit_document(a_document(), "mine")
    assert again.name == first.name
    assert len(twins.runs.records) == 1


def test_without_a_key_each_asking_is_a_run() -> None:
    twins = Twins()
    names = set()
    for _ in range(2):
        names.add(twins.product().admission.submit_document(a_document(), None).name)
        twins.clock.pass_by(0.001)
    assert len(names) == 2


def test_a_key_is_for_one_job() -> None:
    twins = Twins()
    twins.product().admission.submit_document(a_document(), "mine")
    with pytest.raises(Invalid) as caught:
        twins.product().admission.submit_document(a_document(command="other"), "mine")
    assert caught.value.code == "IdempotencyKeyReused"


def test_dying_before_the_message_is_sent_is_mended_by_asking_again() -> None:
    twins = Twins()
    run = twins.product().admission.submit_document(a_document(), "mine")
    twins.bus.clear()
    twins.clock.pass_by(3600)
    twins.product().admission.submit_document(a_document(), "mine")
    assert [request.run for request in twins.bus.requests] == [run.name]


def test_a_run_under_way_is_not_asked_for_again() -> None:
    twins = Twins()
    twins.runs.create(a_run(Status.RUNNING))
    assert twins.product().admission.submit(a_request()).status is Status.RUNNING
    assert twins.bus.requests == []


def test_a_request_delivered_twice_is_one_run() -> None:
    twins = Twins()
    for _ in range(2):
        twins.product().admission.admit(a_request())
    (event,) = twins.bus.events(RUN)
    assert isinstance(event, Requested)
    assert len(twins.runs.records) == 1


def test_a_run_is_asked_to_end() -> None:
    twins = Twins()
    twins.runs.create(a_run(Status.RUNNING))
    twins.product().admission.cancel(RUN)
    assert [type(event) for event in twins.bus.events(RUN)] == [CancelAsked]


ASKED = {
    "on compute": (a_run(Status.RUNNING), Status.CANCEL_REQUESTED),
    "before it began": (a_run(Status.QUEUED), Status.CANCEL_REQUESTED),
    "asked already": (a_run(Status.CANCEL_REQUESTED), Status.CANCEL_REQUESTED),
    "ends by itself": (a_run(Status.FINALIZING), Status.FINALIZING),
    "before another attempt": (
        a_run(Status.FINALIZING, verdict=Verdict(Status.QUEUED)), Status.CANCEL_REQUESTED
    ),
}  # fmt: skip


@pytest.mark.parametrize(("run", "told"), ASKED.values(), ids=ASKED)
def test_who_asks_for_its_end_is_told_that_it_was_asked_for(run: Run, told: Status) -> None:
    twins = Twins()
    twins.runs.create(run)
    assert twins.product().admission.cancel(RUN).status is told
    kept = replace(twins.runs.load(RUN).run, cancel_asked_at=None)
    assert kept == run, "all but the wish is the workflow's to write"


def test_a_wish_to_cancel_outlives_its_message() -> None:
    twins = Twins()
    twins.runs.create(a_run(Status.RUNNING, attempt=1))
    twins.compute.fate_of = lambda key: Fate(running=10**6)
    twins.compute.provision(order_for(twins.runs.load(RUN).run))
    twins.product().admission.cancel(RUN)
    twins.bus.clear()  # as if it had ended among the dead letters
    twins.clock.pass_by(GRACE.total_seconds() + 1)
    twins.product().watch.tick()
    (again,) = twins.bus.events(RUN)
    twins.product().workflow.handle(RUN, again)
    assert twins.runs.load(RUN).run.status is Status.CANCEL_REQUESTED


def test_whoever_cancels_twice_is_heard_once() -> None:
    twins = Twins()
    twins.runs.create(a_run(Status.RUNNING))
    twins.product().admission.cancel(RUN)
    first = twins.runs.load(RUN).run.cancel_asked_at
    twins.clock.pass_by(5)
    twins.product().admission.cancel(RUN)
    assert twins.runs.load(RUN).run.cancel_asked_at == first == NOON


@dataclass
class StepsFirst(SimulatedRuns):
    """Somebody else always writes between our reading and our writing, so often."""

    times: int = 0

    def load(self, name: str) -> Stored:
        stored = super().load(name)
        if self.times:
            self.times -= 1
            super().save(replace(stored.run, heard_at=stored.run.heard_at), stored.etag)
        return stored


def test_a_wish_is_written_though_the_run_takes_steps() -> None:
    twins = Twins()
    twins.runs = runs = StepsFirst()
    runs.create(a_run(Status.RUNNING))
    runs.times = 5
    twins.product().admission.cancel(RUN)
    assert runs.load(RUN).run.cancel_asked_at == NOON
    runs.save(a_run(Status.RUNNING), runs.load(RUN).etag)
    runs.times = 99
    with pytest.raises(Conflict):
        twins.product().admission.cancel(RUN)


def test_a_run_that_is_over_is_left_alone() -> None:
    twins = Twins()
    twins.runs.create(a_run(Status.COMPLETED))
    assert twins.product().admission.cancel(RUN).status is Status.COMPLETED
    assert twins.bus.events(RUN) == []


def test_no_such_run_can_be_cancelled() -> None:
    with pytest.raises(NotFound):
        Twins().product().admission.cancel(RUN)


STORE = "azureml://datastores/workspaceblobstore/paths"
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a local folder": ({"code": "./src"}, "code"),
    "a local file": ({"inputs": {"a": {"type": "uri_file", "path": "a.csv"}}}, "inputs.a.path"),
    "a path to conda": (
        {"environment": {"image": "x", "conda_file": "conda.yml"}},
        "environment.conda_file",
    ),
    "a compute that isn't": ({"compute": "azureml:gpu"}, "compute"),
    "a week": ({"limits": {"timeout": 7 * 24 * 3600}}, "limits.timeout"),
    "a name": ({"name": "mine"}, "name"),
    "a file without a name": (
        {"inputs": {"a": {"type": "uri_file", "path": f"{STORE}/wine/"}}},
        "inputs.a.path",
    ),
    "the container as a file": (
        {"inputs": {"a": {"type": "uri_file", "path": f"{STORE}/"}}},
        "inputs.a.path",
    ),
    "no command": ({"command": ""}, "command"),
    "too much": ({"tags": {str(n): "x" * (LARGEST // 8) for n in range(9)}}, "command"),
}


@pytest.mark.parametrize(("fields", "field"), REFUSED.values(), ids=REFUSED)
def test_what_can_not_be_run_leaves_no_record(fields: dict[str, Any], field: str) -> None:
    twins = Twins()
    with pytest.raises(Invalid) as caught:
        twins.product().admission.submit_document(a_document(**fields), None)
    assert field in [name for name, _ in caught.value.details]
    assert not twins.runs.records
    daily = a_schedule({"type": "cron", "expression": "0 3 * * *"})
    daily["create_job"] = a_document(**fields)
    with pytest.raises(Invalid):
        twins.product().schedules.put(daily)
