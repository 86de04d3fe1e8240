"""Receiving in the emulator's own process, as the Functions host does."""

import asyncio
from datetime import UTC, datetime

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue

from retrain.local.servicebus import EntityNotFound, LockLost, QueueSettings
from retrain.local.servicebus.errors import NotAllowed
from retrain.local.servicebus.settings import TopicSettings
from tests.contract.servicebus.clients import Clients, body, one
from tests.contract.servicebus.emulator import Emulator

#: One emulator and its clients serve the whole module.
pytestmark = pytest.mark.xdist_group("servicebus listener")
QUEUES = {
    "plain": {"MaxDeliveryCount": 3},
    "brief": {"LockDuration": "PT1S"},
    "steps": {"RequiresSession": True},
    "fleeting": {"RequiresSession": True, "LockDuration": "PT1S"},
}


def test_a_delivery_carries_what_was_sent(clients: Clients, emulator: Emulator) -> None:
    clients.sender("plain").send_messages(
        ServiceBusMessage(
            "hello",
            message_id="m",
            content_type="text/plain",
            correlation_id="c",
            subject="s",
            reply_to="r",
            to="t",
            application_properties={"n": 1},
        )
    )

    async def receive() -> None:
        delivery = await emulator.server.listener("plain").next()
        assert (delivery.body, delivery.message_id, delivery.session_id) == (b"hello", "m", None)
        assert (delivery.content_type, delivery.correlation_id) == ("text/plain", "c")
        assert (delivery.subject, delivery.reply_to, delivery.to) == ("s", "r", "t")
        assert delivery.application_properties == {"n": 1}
        assert delivery.delivery_count == 1
        assert delivery.sequence_number > 0
        assert abs((delivery.enqueued_time - datetime.now(UTC)).total_seconds()) < 60
        await delivery.complete()
        with pytest.raises(LockLost):
            await delivery.complete()

    emulator.do(receive())
    assert clients.receiver("plain").peek_messages() == []


def test_abandoned_until_dead(clients: Clients, emulator: Emulator) -> None:
    clients.sender("plain").send_messages(ServiceBusMessage("poison"))

    async def abandon() -> list[int]:
        listener = emulator.server.listener("plain")
        counts = []
        for _ in range(3):
            delivery = await listener.next()
            counts.append(delivery.delivery_count)
            await delivery.abandon()
        return counts

    assert emulator.do(abandon()) == [1, 2, 3]
    dead = clients.receiver("plain", sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    dead.complete_message(one(dead))


def test_buried_with_a_reason(clients: Clients, emulator: Emulator) -> None:
    clients.sender("plain").send_messages(ServiceBusMessage("bad"))

    async def bury() -> None:
        delivery = await emulator.server.listener("plain").next()
        await delivery.dead_letter("Odd", "It is odd.")

    emulator.do(bury())
    dead = clients.receiver("plain", sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    message = one(dead)
    assert (body(message), message.dead_letter_reason) == (b"bad", "Odd")
    dead.complete_message(message)


def test_a_wait_that_is_cancelled_takes_nothing(clients: Clients, emulator: Emulator) -> None:
    async def wait() -> None:
        waiting = asyncio.create_task(emulator.server.listener("plain").next())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    emulator.do(wait())
    clients.sender("plain").send_messages(ServiceBusMessage("next"))
    receiver = clients.receiver("plain")
    message = one(receiver)
    assert message.delivery_count == 0
    receiver.complete_message(message)


def test_several_waits_share_the_messages(clients: Clients, emulator: Emulator) -> None:
    async def receive() -> list[bytes]:
        listener = emulator.server.listener("plain")
        deliveries = await asyncio.gather(*(listener.next() for _ in range(10)))
        await asyncio.gather(*(delivery.complete() for delivery in deliveries))
        return [delivery.body for delivery in deliveries]

    clients.sender("plain").send_messages([ServiceBusMessage(str(n)) for n in range(10)])
    assert sorted(emulator.do(receive())) == sorted(str(n).encode() for n in range(10))


def test_a_lost_lock_is_said(clients: Clients, emulator: Emulator) -> None:
    clients.sender("brief").send_messages(ServiceBusMessage("slow"))

    async def lose() -> None:
        listener = emulator.server.listener("brief")
        first = await listener.next()
        until = first.locked_until
        await first.renew_lock()
        assert first.locked_until >= until
        second = await listener.next()
        assert second.delivery_count == 2
        with pytest.raises(LockLost):
            await first.complete()
        with pytest.raises(LockLost):
            await first.renew_lock()
        await second.complete()

    emulator.do(lose())


def test_sessions_one_after_another(clients: Clients, emulator: Emulator) -> None:
    sent = [("a", "1"), ("b", "2"), ("a", "3")]
    messages = [ServiceBusMessage(text, session_id=session) for session, text in sent]
    clients.sender("steps").send_messages(messages)

    async def receive() -> list[tuple[str, list[bytes]]]:
        listener = emulator.server.listener("steps")
        found = []
        for _ in range(2):
            session = await listener.next_session()
            bodies = []
            while delivery := await session.next(0.05):
                assert delivery.session_id == session.id
                bodies.append(delivery.body)
                await delivery.complete()
            before = session.locked_until
            await session.renew()
            assert session.locked_until >= before
            found.append((session.id, bodies))
            await session.close()
        return found

    assert emulator.do(receive()) == [("a", [b"1", b"3"]), ("b", [b"2"])]


def test_a_closed_session_gives_its_messages_back(clients: Clients, emulator: Emulator) -> None:
    message = ServiceBusMessage("kept", session_id="s")
    clients.sender("steps").send_messages(message)

    async def receive() -> bytes:
        listener = emulator.server.listener("steps")
        session = await listener.next_session()
        assert await session.next(1)
        await session.close()
        session = await listener.next_session()
        delivery = await session.next(1)
        assert delivery
        await delivery.complete()
        await session.close()
        return delivery.body

    assert emulator.do(receive()) == b"kept"


def test_a_lost_session_is_said(clients: Clients, emulator: Emulator) -> None:
    message = ServiceBusMessage("slow", session_id="s")
    clients.sender("fleeting").send_messages(message)

    async def lose() -> None:
        listener = emulator.server.listener("fleeting")
        first = await listener.next_session()
        delivery = await first.next(1)
        assert delivery
        second = await listener.next_session()  # waits until the first one's lock runs out
        assert second.id == "s"
        with pytest.raises(LockLost):
            await delivery.complete()
        with pytest.raises(LockLost):
            await first.renew()
        with pytest.raises(LockLost):
            await first.next(0.1)
        await first.close()
        again = await second.next(1)
        assert again
        await again.complete()
        await second.close()

    emulator.do(lose())


def test_the_wrong_way_of_receiving_is_refused(emulator: Emulator) -> None:
    async def ask() -> None:
        with pytest.raises(Exception, match=r"(?i)session"):
            await emulator.server.listener("steps").next()
        with pytest.raises(Exception, match=r"(?i)session"):
            await emulator.server.listener("plain").next_session()
        with pytest.raises(Exception, match="nowhere"):
            emulator.server.listener("nowhere")

    emulator.do(ask())


def test_a_wait_ends_when_the_queue_is_deleted(emulator: Emulator) -> None:
    async def wait() -> None:
        namespace = emulator.server.namespace
        for settings in (QueueSettings(name="gone"), QueueSettings(name="left", sessions=True)):
            namespace.create(settings)
            listener = emulator.server.listener(settings.name)
            waiting = asyncio.ensure_future(
                listener.next_session() if settings.sessions else listener.next()
            )
            await asyncio.sleep(0)
            namespace.delete(settings.name)
            with pytest.raises(EntityNotFound):
                await waiting
            with pytest.raises(EntityNotFound):
                await (listener.next_session() if settings.sessions else listener.next())

    emulator.do(wait())


def test_a_listener_is_refused_where_nobody_receives(emulator: Emulator) -> None:
    async def ask() -> None:
        namespace = emulator.server.namespace
        namespace.create(TopicSettings(name="topic"))
        namespace.create(QueueSettings(name="forwards", forward_to="plain"))
        with pytest.raises(NotAllowed, match="topic"):
            emulator.server.listener("topic")
        with pytest.raises(NotAllowed, match="auto-forwarding"):
            await emulator.server.listener("forwards").next()

    emulator.do(ask())
