"""A Service Bus that runs elsewhere, received from through the SDK, as Azure's host does it.

Each message under way, and each session, has a receiver of its own: one link is not made for a
receive and a settlement at the same time. Receivers of a queue without sessions are used again.
What fails (the service was killed, a lock is lost) is raised; the trigger listens anew.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import OperationTimeoutError

#: How long one wait for a message or a session lasts, in seconds, before it is begun again.
_WAIT: Final = 30.0


class RemoteBus:
    """A namespace by its connection string."""

    def __init__(self, connection_string: str) -> None:
        # The trigger itself tries again, for ever; the SDK's own tries would hide what happens.
        self._client = ServiceBusClient.from_connection_string(connection_string, retry_total=0)

    def listener(self, source: str) -> "RemoteListener":
        """Receives from a queue's name, or `topic/Subscriptions/subscription`."""
        return RemoteListener(self._client, source)

    async def send(self, entity: str, body: bytes) -> None:
        async with self._client.get_queue_sender(entity) as sender:  # a topic's address is alike
            await sender.send_messages(ServiceBusMessage(body))

    async def close(self) -> None:
        await self._client.close()


class RemoteListener:
    """Receives from one queue or subscription by peek-lock."""

    def __init__(self, client: ServiceBusClient, source: str) -> None:
        self._client = client
        self._source = source
        self._idle: list[ServiceBusReceiver] = []

    async def next(self) -> "RemoteDelivery":
        """The next message; waits for one."""
        receiver = self._idle.pop() if self._idle else self._receiver(None)
        try:
            while True:
                found = await receiver.receive_messages(1, max_wait_time=_WAIT)
                if found:
                    return RemoteDelivery(receiver, found[0], self._idle)
        except BaseException:
            await _closed(receiver)
            raise

    async def next_session(self) -> "RemoteSession":
        """The next free session that has a message, locked; waits for one."""
        while True:
            receiver = self._receiver(NEXT_AVAILABLE_SESSION)
            try:
                await receiver.__aenter__()  # attaches, and so accepts a session
            except OperationTimeoutError:
                await _closed(receiver)
            except BaseException:
                await _closed(receiver)
                raise
            else:
                return RemoteSession(receiver)

    def _receiver(self, session: Any) -> ServiceBusReceiver:
        topic, _, subscription = self._source.partition("/Subscriptions/")
        asked: dict[str, Any] = {"max_wait_time": _WAIT} | (
            {"session_id": session} if session else {}
        )
        if subscription:
            return self._client.get_subscription_receiver(topic, subscription, **asked)
        return self._client.get_queue_receiver(topic, **asked)


class RemoteDelivery:
    """One message under a lock. `idle`: where its receiver goes once it is settled."""

    def __init__(
        self,
        receiver: ServiceBusReceiver,
        message: ServiceBusReceivedMessage,
        idle: list[ServiceBusReceiver] | None = None,
    ) -> None:
        self._receiver = receiver
        self._message = message
        self._idle = idle

    @cached_property
    def body(self) -> bytes:
        content = self._message.body
        if isinstance(content, bytes | str):
            return content if isinstance(content, bytes) else content.encode()
        return b"".join(part if isinstance(part, bytes) else str(part).encode() for part in content)

    @property
    def message_id(self) -> str | None:
        return self._message.message_id

    @property
    def session_id(self) -> str | None:
        return self._message.session_id

    @property
    def delivery_count(self) -> int:
        return (self._message.delivery_count or 0) + 1

    @property
    def sequence_number(self) -> int:
        return self._message.sequence_number or 0

    @property
    def enqueued_time(self) -> datetime:
        enqueued = self._message.enqueued_time_utc
        assert enqueued is not None, "a message that was received was enqueued"
        return enqueued

    @property
    def locked_until(self) -> datetime:
        until = self._message.locked_until_utc
        assert until is not None, "received by peek-lock, outside of sessions"
        return until

    @property
    def content_type(self) -> str | None:
        return self._message.content_type

    @property
    def correlation_id(self) -> str | None:
        return self._message.correlation_id

    @property
    def subject(self) -> str | None:
        return self._message.subject

    @property
    def reply_to(self) -> str | None:
        return self._message.reply_to

    @property
    def to(self) -> str | None:
        return self._message.to

    @property
    def lock_token(self) -> Any:
        return self._message.lock_token

    @property
    def application_properties(self) -> Mapping[str, Any]:
        found = self._message.application_properties or {}
        return {_text(name): value for name, value in found.items()}

    async def complete(self) -> None:
        await self._settle(self._receiver.complete_message)

    async def abandon(self) -> None:
        await self._settle(self._receiver.abandon_message)

    async def renew_lock(self) -> None:
        await self._receiver.renew_message_lock(self._message)

    def release(self) -> None:
        """Nothing to do: the lock runs out, as it does for a message that Azure's host buffered."""

    async def _settle(self, settle: Any) -> None:
        try:
            await settle(self._message)
        except BaseException:
            if self._idle is not None:
                await _closed(self._receiver)
            raise
        if self._idle is not None:
            self._idle.append(self._receiver)


class RemoteSession:
    """A session that is ours until closed, or until its lock runs out."""

    def __init__(self, receiver: ServiceBusReceiver) -> None:
        self._receiver = receiver

    @property
    def id(self) -> str:
        return str(self._receiver.session.session_id)

    @property
    def locked_until(self) -> float:
        until = self._receiver.session.locked_until_utc
        assert until is not None, "a session that was accepted is locked"
        return until.timestamp()

    async def next(self, idle_seconds: float) -> RemoteDelivery | None:
        """The session's next message; None when none came in that time."""
        found = await self._receiver.receive_messages(1, max_wait_time=idle_seconds)
        return RemoteDelivery(self._receiver, found[0]) if found else None

    async def renew(self) -> None:
        await self._receiver.session.renew_lock()

    async def close(self) -> None:
        await _closed(self._receiver)


async def _closed(receiver: ServiceBusReceiver) -> None:
    with suppress(Exception):  # it is of no use any more, whatever it says
        await receiver.close()


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
