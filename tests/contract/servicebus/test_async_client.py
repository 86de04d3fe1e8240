"""The SDK's asynchronous client: everything it can do on queues, in one event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    ServiceBusMessage,
    ServiceBusMessageState,
    ServiceBusReceivedMessage,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
)
from azure.servicebus.aio import AutoLockRenewer, ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import (
    MessageAlreadySettled,
    MessageLockLostError,
    MessageNotFoundError,
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
    OperationTimeoutError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

from retrain.local.servicebus import ServiceBusServer, ServiceBusSettings, read_config
from tests.contract.servicebus.emulator import Queues, write_config

QUEUES: Queues = {
    "plain": {"LockDuration": "PT1M"},
    "brief": {"LockDuration": "PT3S"},
    "steps": {"RequiresSession": True, "LockDuration": "PT1M"},
    "large": {"MaxMessageSizeInKilobytes": 10_240},
}
CHOICE = {"FilterType": "Correlation", "CorrelationFilter": {"Label": "x"}}
CHOSEN = {"Name": "chosen", "Rules": [{"Name": "r", "Properties": CHOICE}]}
TOPICS = [{"Name": "news", "Subscriptions": [CHOSEN]}]
LATER = datetime(2100, 1, 1, tzinfo=UTC)

Scene = Callable[[ServiceBusServer, ServiceBusClient], Awaitable[None]]


async def one(receiver: ServiceBusReceiver, seconds: float = 10) -> ServiceBusReceivedMessage:
    found = await receiver.receive_messages(1, max_wait_time=seconds)
    assert found, "no message came"
    return found[0]


async def send(client: ServiceBusClient, queue: str, *messages: ServiceBusMessage) -> None:
    async with client.get_queue_sender(queue) as sender:
        await sender.send_messages(list(messages))


async def _settles(_: ServiceBusServer, client: ServiceBusClient) -> None:
    texts = ("done", "again", "later", "bad")
    await send(client, "plain", *[ServiceBusMessage(text) for text in texts])
    async with client.get_queue_receiver("plain", prefetch_count=10) as receiver:
        done, again, later, bad = [await one(receiver) for _ in texts]
        await receiver.complete_message(done)
        with pytest.raises(MessageAlreadySettled):
            await receiver.complete_message(done)
        await receiver.abandon_message(again)
        await receiver.defer_message(later)
        await receiver.dead_letter_message(bad, reason="Odd", error_description="It is.")
        twice = await one(receiver)
        assert (str(twice), twice.delivery_count) == ("again", 1)
        until = twice.locked_until_utc
        assert until
        assert await receiver.renew_message_lock(twice) >= until
        await receiver.complete_message(twice)
        number = later.sequence_number or 0
        (seen,) = await receiver.peek_messages(10, sequence_number=1)
        assert (seen.sequence_number, seen.state) == (number, ServiceBusMessageState.DEFERRED)
        (found,) = await receiver.receive_deferred_messages(number)
        await receiver.complete_message(found)
        with pytest.raises(MessageNotFoundError):
            await receiver.receive_deferred_messages(number)
    dead_letters = ServiceBusSubQueue.DEAD_LETTER
    async with client.get_queue_receiver("plain", sub_queue=dead_letters) as dead:
        message = await one(dead)
        assert (message.dead_letter_reason, str(message)) == ("Odd", "bad")
        await dead.complete_message(message)


async def _schedules(_: ServiceBusServer, client: ServiceBusClient) -> None:
    async with client.get_queue_sender("plain") as sender:
        numbers = await sender.schedule_messages([ServiceBusMessage("a")] * 3, LATER)
        await sender.cancel_scheduled_messages(numbers)
        with pytest.raises(MessageNotFoundError):
            await sender.cancel_scheduled_messages(numbers)
        batch = await sender.create_message_batch()
        batch.add_message(ServiceBusMessage("b"))
        await sender.send_messages(batch)
    removes = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    async with client.get_queue_receiver(
        "plain", receive_mode=removes, max_wait_time=5
    ) as receiver:
        assert [str(message) async for message in receiver] == ["b"]
        assert await receiver.peek_messages(sequence_number=1) == []


async def _has_sessions(_: ServiceBusServer, client: ServiceBusClient) -> None:
    await send(client, "steps", *[ServiceBusMessage("x", session_id=each) for each in "abc"])
    assert sorted([each async for each in client.list_queue_sessions("steps")]) == ["a", "b", "c"]
    async with client.get_queue_receiver("steps", session_id="a") as receiver:
        session = receiver.session
        await session.set_state(b"step 2")
        assert await session.get_state() == b"step 2"
        before = session.locked_until_utc
        assert before
        assert await session.renew_lock() >= before
        with pytest.raises(SessionCannotBeLockedError):
            async with client.get_queue_receiver("steps", session_id="a") as other:
                await one(other)
        message = await one(receiver)
        await receiver.defer_message(message)
        (found,) = await receiver.receive_deferred_messages(message.sequence_number or 0)
        await receiver.complete_message(found)
        await session.set_state(None)
    for expected in "bc":
        async with client.get_queue_receiver(
            "steps", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=5
        ) as receiver:
            assert receiver.session.session_id == expected
            await receiver.complete_message(await one(receiver))
    with pytest.raises(OperationTimeoutError):
        async with client.get_queue_receiver(
            "steps", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=0.5
        ) as receiver:
            await one(receiver)


async def _loses_locks(server: ServiceBusServer, client: ServiceBusClient) -> None:
    await send(client, "plain", ServiceBusMessage("x"))
    await send(client, "steps", ServiceBusMessage("y", session_id="s"))
    async with client.get_queue_receiver("plain") as receiver:
        message = await one(receiver)
        queue = server.listener("plain")._queue
        for each in queue.messages.values():
            assert each.lock
            queue.release(each.lock.token)
        with pytest.raises(MessageLockLostError):
            await receiver.complete_message(message)
        with pytest.raises(MessageLockLostError):
            await receiver.renew_message_lock(message)
        await receiver.complete_message(await one(receiver))
    async with client.get_queue_receiver("steps", session_id="s") as receiver:
        message = await one(receiver)
        sessions = server.listener("steps")._queue.sessions
        assert sessions
        sessions.lose("s")
        with pytest.raises(SessionLockLostError):
            await receiver.complete_message(message)


async def _renews_locks(_: ServiceBusServer, client: ServiceBusClient) -> None:
    await send(client, "brief", ServiceBusMessage("kept"), ServiceBusMessage("clock"))
    async with (
        client.get_queue_receiver("brief") as receiver,
        client.get_queue_receiver("brief") as other,
        AutoLockRenewer(max_lock_renewal_duration=60) as renewer,
    ):
        kept, _clock = await one(receiver), await one(receiver)
        await receiver.renew_message_lock(kept)  # opens the link that the renewer uses
        renewer.register(receiver, kept)
        again = await one(other, 20)
        assert (str(again), again.delivery_count) == ("clock", 1)
        await other.complete_message(again)
        await receiver.complete_message(kept)


async def _carries_much(_: ServiceBusServer, client: ServiceBusClient) -> None:
    content = bytes(range(256)) * 20_000
    async with client.get_queue_sender("large") as sender:
        await sender.send_messages(ServiceBusMessage(content))
        with pytest.raises(MessageSizeExceededError):
            await sender.send_messages(ServiceBusMessage(b"x" * 10_500_000))
        await sender.send_messages(ServiceBusMessage("small"))
    async with client.get_queue_receiver("large", prefetch_count=5) as receiver:
        for expected in (content, b"small"):
            message = await one(receiver)
            assert b"".join(message.body) == expected
            await receiver.complete_message(message)


async def _finds_nothing(_: ServiceBusServer, client: ServiceBusClient) -> None:
    with pytest.raises(MessagingEntityNotFoundError):
        await send(client, "nowhere", ServiceBusMessage("x"))
    with pytest.raises(MessagingEntityNotFoundError):
        async with client.get_queue_receiver("nowhere") as receiver:
            await one(receiver)


async def _subscribes(_: ServiceBusServer, client: ServiceBusClient) -> None:
    async with client.get_topic_sender("news") as sender:
        await sender.send_messages(ServiceBusMessage("chosen", subject="x"))
        await sender.send_messages(ServiceBusMessage("not chosen"))
    async with client.get_subscription_receiver("news", "chosen") as receiver:
        (message,) = await receiver.receive_messages(2, max_wait_time=30)
        assert str(message) == "chosen"
        await receiver.dead_letter_message(message, reason="why")
    dead = client.get_subscription_receiver(
        "news", "chosen", sub_queue=ServiceBusSubQueue.DEAD_LETTER
    )
    async with dead as receiver:
        message = await one(receiver)
        assert message.dead_letter_reason == "why"
        await receiver.complete_message(message)


SCENES: dict[str, Scene] = {
    "settles": _settles,
    "schedules, batches and iterates": _schedules,
    "has sessions": _has_sessions,
    "loses locks": _loses_locks,
    "renews locks": _renews_locks,
    "carries much": _carries_much,
    "finds nothing": _finds_nothing,
    "subscribes": _subscribes,
}


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_the_asynchronous_client(tmp_path: Path, scene: Scene) -> None:
    async def main() -> None:
        config = read_config(write_config(tmp_path, QUEUES, TOPICS))
        settings = ServiceBusSettings(data=tmp_path / "data", port=0, config=config)
        async with (
            ServiceBusServer(settings) as server,
            ServiceBusClient.from_connection_string(
                server.connection_string, retry_total=0
            ) as client,
        ):
            await scene(server, client)

    asyncio.run(main())
