"""The SDK's asynchronous client, once through."""

import asyncio
from pathlib import Path

from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient

from retrain.local.servicebus import ServiceBusServer, ServiceBusSettings, read_config
from tests.contract.servicebus.emulator import write_config

QUEUES = {"plain": {}, "steps": {"RequiresSession": True}}
CHOICE = {"FilterType": "Correlation", "CorrelationFilter": {"Label": "x"}}
CHOSEN = {"Name": "chosen", "Rules": [{"Name": "r", "Properties": CHOICE}]}
TOPICS = [{"Name": "news", "Subscriptions": [CHOSEN]}]
DEAD_LETTER = ServiceBusSubQueue.DEAD_LETTER


async def _once_through(connection_string: str) -> list[str]:
    found: list[str] = []
    async with ServiceBusClient.from_connection_string(connection_string, retry_total=0) as client:
        async with client.get_queue_sender("plain") as sender:
            await sender.send_messages([ServiceBusMessage("a"), ServiceBusMessage("b")])
        async with client.get_queue_receiver("plain") as receiver:
            while len(found) < 2:
                for message in await receiver.receive_messages(2, max_wait_time=5):
                    found.append(str(message))
                    await receiver.complete_message(message)
        async with client.get_queue_sender("steps") as sender:
            await sender.send_messages(ServiceBusMessage("c", session_id="s"))
        async with client.get_queue_receiver("steps", session_id="s") as receiver:
            await receiver.session.set_state(b"x")
            (message,) = await receiver.receive_messages(1, max_wait_time=5)
            found.append(str(message))
            await receiver.complete_message(message)
            found.append((await receiver.session.get_state()).decode())
        async with client.get_topic_sender("news") as sender:
            await sender.send_messages(ServiceBusMessage("d", subject="x"))
            await sender.send_messages(ServiceBusMessage("not chosen"))
        async with client.get_subscription_receiver("news", "chosen") as receiver:
            (message,) = await receiver.receive_messages(2, max_wait_time=1)
            found.append(str(message))
            await receiver.dead_letter_message(message, reason="why")
        dead = client.get_subscription_receiver("news", "chosen", sub_queue=DEAD_LETTER)
        async with dead as receiver:
            (message,) = await receiver.receive_messages(1, max_wait_time=5)
            found.append(str(message.dead_letter_reason))
    return found


def test_once_through(tmp_path: Path) -> None:
    async def main() -> list[str]:
        config = read_config(write_config(tmp_path, QUEUES, TOPICS))
        settings = ServiceBusSettings(data=tmp_path / "data", port=0, config=config)
        async with ServiceBusServer(settings) as server:
            return await _once_through(server.connection_string)

    assert asyncio.run(main()) == ["a", "b", "c", "x", "d", "why"]
