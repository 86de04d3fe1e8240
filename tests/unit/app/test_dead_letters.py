"""What can't be processed: why, for how long it is known, and what becomes of it."""

from datetime import timedelta
from typing import Final

import pytest

from shared import wire
from shared.app.refusals import Arrived
from shared.domain.errors import NotFound, Refused, Transient
from shared.domain.events import CancelAsked
from shared.ports.bus import EVENTS, MAX_DELIVERIES, QUEUES, REQUESTS
from shared.ports.dead_letters import DeadLetter
from tests.factories import a_run
from tests.simulation.twins.bus import Message
from tests.simulation.twins.world import Twins

RUN: Final = a_run().name


def dead(twins: Twins, body: bytes, identity: str = "one", session: str = RUN) -> Message:
    message = Message(identity, session, body, twins.clock.now, MAX_DELIVERIES)
    twins.bus.dead.append(message)
    return message


def arrived(body: bytes, deliveries: int = 1, identity: str = "one", run: str = RUN) -> Arrived:
    return Arrived(EVENTS, identity, run, body, deliveries)


def fails(twins: Twins, message: Arrived, error: Exception) -> None:
    with pytest.raises(type(error)), twins.product().refusals.noted(message):
        raise error


def test_the_reason_is_the_doors_own() -> None:
    twins = Twins()
    letter = dead(twins, b"no json")
    with pytest.raises(wire.Malformed), twins.product().refusals.noted(arrived(b"no json")):
        wire.decode_event(letter.body)
    (shown,) = twins.product().dead_letters.list(QUEUES, 10)
    assert shown.noted
    assert shown.about == "can't be read"
    assert shown.refusal.code == "Malformed"
    assert shown.refusal.message.startswith("A run event can't be read")
    assert shown.id == f"{EVENTS}/1"


def test_a_reason_that_nobody_noted_is_not_made_up() -> None:
    twins = Twins()
    dead(twins, wire.encode_event(RUN, CancelAsked(id="one", at=twins.clock.now)))
    shown = twins.product().dead_letters.show(EVENTS, 1)
    assert not shown.noted
    assert shown.about == "cancel_asked"
    assert shown.refusal.code == "MaxDeliveryCountExceeded"
    assert "without a reason that was noted" in shown.refusal.message


def test_a_fault_of_ours_says_so() -> None:
    twins = Twins()
    dead(twins, b"x")
    fails(twins, arrived(b"x"), ZeroDivisionError("by zero"))
    shown = twins.product().dead_letters.show(EVENTS, 1)
    assert (shown.refusal.code, shown.refusal.message) == (
        "ZeroDivisionError",
        "ZeroDivisionError: by zero",
    )
    assert "fault in Retrain" in shown.refusal.remedy


NOTED = {
    "what is bad at once": (Refused("No."), 1, True),
    "what is bad in between": (Refused("No."), 5, False),
    "what is bad at last": (Refused("No."), MAX_DELIVERIES, True),
    "an outage at first": (Transient("Away."), 1, False),
    "an outage at last": (Transient("Away."), MAX_DELIVERIES, True),
    "more deliveries than we know of": (Transient("Away."), MAX_DELIVERIES + 5, True),
}


@pytest.mark.parametrize(("error", "deliveries", "noted"), NOTED.values(), ids=NOTED)
def test_what_is_noted(error: Exception, deliveries: int, noted: bool) -> None:
    twins = Twins()
    fails(twins, arrived(b"x", deliveries), error)
    assert bool(twins.registry.entries("refused")) is noted


def test_the_last_reason_counts() -> None:
    twins = Twins()
    dead(twins, b"x")
    fails(twins, arrived(b"x"), Refused("First."))
    fails(twins, arrived(b"x", MAX_DELIVERIES), Transient("Last."))
    refusal = twins.product().dead_letters.show(EVENTS, 1).refusal
    assert (refusal.message, refusal.deliveries) == ("Last.", MAX_DELIVERIES)
    assert refusal.remedy == "When the service answers again, send it again."


def test_messages_of_one_run_and_of_none_have_their_own_reasons() -> None:
    twins = Twins()
    for identity, run in (("a", RUN), ("b", RUN), ("c", ""), ("", "")):
        fails(twins, arrived(b"x", identity=identity, run=run), Refused(f"Reason {identity}."))
    refusals = twins.product().refusals
    found = [
        refusals.of_message(EVENTS, identity, run, b"x")
        for identity, run in (("a", RUN), ("b", RUN), ("c", ""), ("", ""), ("d", RUN))
    ]
    assert [one and one.message for one in found] == [
        *("Reason a.", "Reason b.", "Reason c.", "Reason ."),
        None,
    ]
    assert refusals.of_message(REQUESTS, "a", RUN, b"x") is None


def test_of_a_run_only_the_newest_reasons_are_kept() -> None:
    twins = Twins()
    for number in range(30):
        twins.clock.pass_by(1)
        fails(twins, arrived(b"x", identity=f"{number}"), Refused("No."))
    refusals = twins.product().refusals
    kept = [n for n in range(30) if refusals.of_message(EVENTS, f"{n}", RUN, b"x")]
    assert kept == list(range(10, 30))


def test_storage_that_is_away_hides_no_error(caplog: pytest.LogCaptureFixture) -> None:
    twins = Twins()

    def away(*_: object) -> None:
        raise Transient("Storage is away.")

    twins.registry.load = away  # type: ignore[assignment,method-assign]
    fails(twins, arrived(b"x"), Refused("The door's own."))
    assert "could not be noted" in caplog.text


def test_what_is_sent_again_is_processed_and_its_reason_forgotten() -> None:
    twins = Twins()
    run = twins.product().admission.submit_document(
        {"command": "true", "environment": {"image": "python"}}, None
    )
    twins.settle(1)
    event = CancelAsked(id=f"{run.name}-cancel", at=twins.clock.now)
    body = wire.encode_event(run.name, event)
    dead(twins, body, event.id, run.name)
    fails(twins, arrived(body, identity=event.id, run=run.name), Refused("No."))
    desk = twins.product().dead_letters
    assert desk.resubmit(EVENTS, 1) == f"{event.id}-again-1"
    assert [*desk.list(QUEUES, 10)] == []
    assert twins.product().refusals.of_message(EVENTS, event.id, run.name, body) is None
    twins.settle(60)
    assert twins.product().queries.show(run.name).status == "Canceled"


def test_what_is_not_there_is_said_so() -> None:
    desk = Twins().product().dead_letters
    for act in (desk.show, desk.resubmit, desk.drop):
        with pytest.raises(NotFound, match=f"no dead letter '{EVENTS}/7'"):
            act(EVENTS, 7)
    with pytest.raises(NotFound, match="no queue 'orders'"):
        desk.list(["orders"], 10)


def test_a_dropped_one_is_gone_with_its_reason() -> None:
    twins = Twins()
    dead(twins, b"x")
    fails(twins, arrived(b"x"), Refused("No."))
    twins.product().dead_letters.drop(EVENTS, 1)
    assert twins.bus.dead == []
    assert twins.product().refusals.of_message(EVENTS, "one", RUN, b"x") is None


def test_they_are_counted_by_the_watch_and_told_for_a_while() -> None:
    twins = Twins()
    desk = twins.product().dead_letters
    assert desk.counted() is None
    dead(twins, b"x")
    dead(twins, b"y", "two", "")
    desk.count()
    twins.clock.pass_by(10)
    counted = desk.counted()
    assert counted is not None
    assert counted.count == 2
    twins.clock.pass_by(20 * 60)
    assert desk.counted() is None, "nobody counted since"


def test_a_count_that_stays_the_same_is_not_written_at_each_tick() -> None:
    twins = Twins()
    desk = twins.product().dead_letters
    for _ in range(12):
        desk.count()
        twins.clock.pass_by(5)
    assert twins.registry.writes["counted/dead-letters"][0] == 1
    twins.clock.pass_by(10 * 60)
    desk.count()
    assert twins.registry.writes["counted/dead-letters"][0] == 2


def test_a_queue_that_cannot_be_asked_spoils_no_tick() -> None:
    twins = Twins()

    def refuse(*_: object) -> list[DeadLetter]:
        raise Refused("No right to listen.")

    twins.dead_letters.list = refuse  # type: ignore[assignment,method-assign]
    twins.product().dead_letters.count()
    assert twins.product().dead_letters.counted() is None


def test_a_run_that_waits_says_what_for_until_it_goes_on() -> None:
    twins = Twins()
    product = twins.product()
    run = product.admission.submit_document(
        {"command": "true", "environment": {"image": "python"}}, None
    )
    twins.bus.clear()  # its request is what fails
    twins.clock.pass_by(1)
    request = Arrived(REQUESTS, "r", run.name, b"{", MAX_DELIVERIES)
    fails(twins, request, wire.Malformed("training request", "it is no JSON"))
    assert product.refusals.of_run(run) is None, "a run that has just begun is not asked about"
    twins.clock.pass_by(30)
    held_up = product.refusals.of_run(run)
    assert held_up is not None
    assert held_up.about_run == (
        "The run was accepted, but its training request could not be processed: "
        "A training request can't be read: it is no JSON."
    )
    # The watch misses it, and sets it going without its request.
    twins.clock.pass_by(timedelta(minutes=3).total_seconds())
    product.watch.tick()
    twins.settle(10)
    going = product.queries.show(run.name)
    assert going.status not in ("NotStarted", "Queued")
    assert product.refusals.of_run(going) is None
