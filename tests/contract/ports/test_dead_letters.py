"""DeadLetters: the twin in memory, and the adapter over the real SDK and the emulator."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.amqp import AmqpAnnotatedMessage

from retrain.local.stack import QUEUES as DECLARED
from shared.azure.dead_letters import ServiceBusDeadLetters
from shared.azure.service_bus import Lane
from shared.domain.errors import Transient
from shared.ports.bus import EVENTS, MAX_DELIVERIES, QUEUES, REQUESTS
from shared.ports.dead_letters import DeadLetters
from tests.contract.servicebus.emulator import Emulator
from tests.simulation.twins.bus import SimulatedBus
from tests.simulation.twins.dead_letters import SimulatedDeadLetters

pytestmark = pytest.mark.xdist_group("dead letters")

RUN = "20260710-100000000-0a1b2c3d"


class World(Protocol):
    """Queues of which one can be told to give up what it has."""

    @property
    def letters(self) -> DeadLetters: ...

    def send(self, queue: str, identity: str, body: bytes) -> None: ...

    def bury(self, queue: str) -> None:
        """The next message of the queue becomes a dead letter."""

    def next(self, queue: str) -> tuple[str, str, bytes]:
        """Take the next: its id, its session, its content."""

    def count(self, queue: str) -> int:
        """Of what waits in the queue."""


@dataclass
class InMemory:
    bus: SimulatedBus = field(default_factory=SimulatedBus)

    def __post_init__(self) -> None:
        self.letters = SimulatedDeadLetters(self.bus)

    def send(self, queue: str, identity: str, body: bytes) -> None:
        self.bus._accept(identity, RUN if queue == EVENTS else "", body, None)

    def bury(self, queue: str) -> None:
        message = self._waiting(queue)[0]
        message.deliveries = MAX_DELIVERIES
        self.bus.settle(message.session or message.id, message, done=False)

    def next(self, queue: str) -> tuple[str, str, bytes]:
        message = self._waiting(queue)[0]
        self.bus.messages.remove(message)
        return message.id, message.session, message.body

    def count(self, queue: str) -> int:
        return len(self._waiting(queue))

    def _waiting(self, queue: str) -> list[Any]:
        return [m for m in self.bus.messages if bool(m.session) == (queue == EVENTS)]


class Emulated:
    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

        def connect() -> ServiceBusClient:
            return ServiceBusClient.from_connection_string(emulator.connection_string)

        self.letters = ServiceBusDeadLetters(connect)
        self.lanes = {queue: Lane(connect, queue) for queue in QUEUES}

    def send(self, queue: str, identity: str, body: bytes) -> None:
        session = RUN if queue == EVENTS else None
        message = ServiceBusMessage(
            body, message_id=identity, session_id=session, content_type="text/odd"
        )
        self.lanes[queue].send(message)

    def bury(self, queue: str) -> None:
        async def bury() -> None:
            session, delivery = await self._receive(queue)
            await delivery.dead_letter("Odd", "It is odd.")
            if session:
                await session.close()

        self.emulator.do(bury())

    def next(self, queue: str) -> tuple[str, str, bytes]:
        async def take() -> tuple[str, str, bytes]:
            session, delivery = await self._receive(queue)
            await delivery.complete()
            if session:
                await session.close()
            return delivery.message_id, delivery.session_id or "", delivery.body

        return self.emulator.do(take())

    def count(self, queue: str) -> int:
        return self.emulator.call(lambda namespace: namespace.counts(queue).active)

    async def _receive(self, queue: str) -> tuple[Any, Any]:
        listener = self.emulator.server.listener(queue)
        if queue == REQUESTS:
            return None, await listener.next()
        session = await listener.next_session()
        return session, await session.next(10)

    def close(self) -> None:
        self.letters.close()
        for lane in self.lanes.values():
            lane.close()


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    declared = json.loads(DECLARED.read_text())["UserConfig"]["Namespaces"][0]["Queues"]
    queues = {one["Name"]: one["Properties"] for one in declared}
    with Emulator(tmp_path_factory.mktemp("servicebus"), queues) as emulator:
        world = Emulated(emulator)
        yield world
        world.close()


@pytest.fixture
def emulated(lasting: Emulated) -> Emulated:
    """Nothing is in it."""
    for queue in QUEUES:
        for letter in lasting.letters.list(queue, 1000):
            lasting.letters.drop(queue, letter.number)
        assert lasting.count(queue) == 0
    return lasting


@pytest.fixture(params=["twins", "azure"])
def world(request: pytest.FixtureRequest) -> World:
    """Nothing is in it."""
    if request.param == "twins":
        return InMemory()
    emulated: Emulated = request.getfixturevalue("emulated")
    return emulated


#: An id for each message of the module: the emulator remembers those it saw.
_used = iter(range(10**6))


def buried(world: World, queue: str, *bodies: bytes) -> list[str]:
    """One dead letter for each content; their ids."""
    ids = []
    for body in bodies:
        identity = f"{RUN}-event-{next(_used)}"
        world.send(queue, identity, body)
        world.bury(queue)
        ids.append(identity)
    return ids


@pytest.mark.parametrize("queue", QUEUES)
def test_what_was_given_up_is_listed_in_order_and_stays(world: World, queue: str) -> None:
    ids = buried(world, queue, b"{}", b"\xff\x00 no text", b"third")
    found = world.letters.list(queue, 10)
    assert [letter.id for letter in found] == ids
    assert [letter.body for letter in found] == [b"{}", b"\xff\x00 no text", b"third"]
    assert {letter.run for letter in found} == {RUN if queue == EVENTS else ""}
    assert {letter.again for letter in found} == {0}
    numbers = [letter.number for letter in found]
    assert numbers == sorted(set(numbers))
    assert [one.id for one in world.letters.list(queue, 2)] == ids[:2]
    assert [one.id for one in world.letters.list(queue, 9, after=numbers[0])] == ids[1:]
    assert [*world.letters.list(queue, 9, after=numbers[2])] == []
    other = REQUESTS if queue == EVENTS else EVENTS
    assert [*world.letters.list(other, 10)] == []


@pytest.mark.parametrize("queue", QUEUES)
def test_what_is_sent_again_is_in_its_queue_and_nowhere_else(world: World, queue: str) -> None:
    ids = buried(world, queue, b"first", b"second", b"third")
    second = world.letters.list(queue, 10)[1]
    assert world.letters.resubmit(queue, second.number) == f"{ids[1]}-again-1"
    assert [one.id for one in world.letters.list(queue, 10)] == [ids[0], ids[2]]
    session = RUN if queue == EVENTS else ""
    assert world.next(queue) == (f"{ids[1]}-again-1", session, b"second")
    assert world.letters.resubmit(queue, second.number) is None, "it isn't there any more"
    assert world.count(queue) == 0


def test_what_fails_again_can_be_sent_again_again(world: World) -> None:
    (first,) = buried(world, EVENTS, b"stubborn")
    for again in (1, 2, 3):
        (letter,) = world.letters.list(EVENTS, 10)
        assert letter.again == again - 1
        assert world.letters.resubmit(EVENTS, letter.number) == f"{first}-again-{again}"
        world.bury(EVENTS)
    (letter,) = world.letters.list(EVENTS, 10)
    assert (letter.id, letter.again) == (f"{first}-again-3", 3)


def test_what_is_dropped_is_gone(world: World) -> None:
    ids = buried(world, REQUESTS, b"first", b"second")
    number = world.letters.list(REQUESTS, 1)[0].number
    assert world.letters.drop(REQUESTS, number)
    assert not world.letters.drop(REQUESTS, number)
    assert [one.id for one in world.letters.list(REQUESTS, 10)] == ids[1:]
    assert world.count(REQUESTS) == 0


def test_a_process_that_died_in_between_sends_one_copy(emulated: Emulated) -> None:
    """The copy was sent, and the dead letter not yet removed."""
    (identity,) = buried(emulated, REQUESTS, b"once")
    (letter,) = emulated.letters.list(REQUESTS, 10)
    emulated.send(REQUESTS, f"{identity}-again-1", b"once")
    assert emulated.letters.resubmit(REQUESTS, letter.number) == f"{identity}-again-1"
    assert emulated.count(REQUESTS) == 1
    assert emulated.next(REQUESTS)[2] == b"once"
    assert [*emulated.letters.list(REQUESTS, 10)] == []


def test_what_somebody_else_has_at_hand_is_left_to_him(emulated: Emulated) -> None:
    buried(emulated, REQUESTS, b"wanted")
    (letter,) = emulated.letters.list(REQUESTS, 10)

    async def lock() -> Any:
        return await emulated.emulator.server.listener(f"{REQUESTS}/$DeadLetterQueue").next()

    delivery = emulated.emulator.do(lock())
    with pytest.raises(Transient, match="at hand"):
        emulated.letters.drop(REQUESTS, letter.number)
    emulated.emulator.do(delivery.abandon())
    assert emulated.letters.drop(REQUESTS, letter.number)


def test_the_queues_reason_and_the_contents_type(emulated: Emulated) -> None:
    buried(emulated, EVENTS, b"x")
    (letter,) = emulated.letters.list(EVENTS, 10)
    assert (letter.reason, letter.description) == ("Odd", "It is odd.")
    assert letter.content_type == "text/odd"
    assert letter.enqueued_at.tzinfo is not None


def test_what_others_send_in_other_forms(emulated: Emulated) -> None:
    """Bodies that are no data, and ids as long as the service allows."""
    bodies: list[dict[str, Any]] = [{"value_body": "a text"}, {"sequence_body": [1, "two"]}]
    for number, content in enumerate(bodies):
        properties = {"message_id": f"{number}".zfill(128)}
        emulated.lanes[REQUESTS].send(AmqpAnnotatedMessage(properties=properties, **content))
        emulated.bury(REQUESTS)
    found = emulated.letters.list(REQUESTS, 10)
    assert [letter.body for letter in found] == [b"a text", b'[[1, "two"]]']
    for letter in found:
        again = emulated.letters.resubmit(REQUESTS, letter.number)
        assert again is not None
        assert len(again) <= 128
        assert emulated.next(REQUESTS)[0] == again


def test_as_many_deliveries_as_the_queues_are_declared_with() -> None:
    declared = json.loads(DECLARED.read_text())["UserConfig"]["Namespaces"][0]["Queues"]
    assert {
        one["Name"]: one["Properties"]["MaxDeliveryCount"] for one in declared
    } == dict.fromkeys(QUEUES, MAX_DELIVERIES)
