"""DeadLetters over azure-servicebus: the queues' sub-queues `$DeadLetterQueue`.

A sub-queue has no sessions, and can't be asked for one message of it: those before it are received
too, held while the one is dealt with, and given back.
"""

import json
import re
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, Final, TypeVar

from azure.servicebus import (
    ServiceBusClient,
    ServiceBusReceivedMessage,
    ServiceBusReceiver,
    ServiceBusSubQueue,
)
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageBodyType
from azure.servicebus.exceptions import (
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusError,
)

from shared.azure.service_bus import Lane
from shared.domain.errors import Invalid, Refused, RetrainError, Transient
from shared.domain.keys import digest
from shared.ports.bus import QUEUES
from shared.ports.dead_letters import DeadLetter

#: Most that are received to get at one, and so many at once.
HELD: Final = 1000
_BATCH: Final = 100
#: Of one peek, as the service has it.
_PEEKED: Final = 250
#: Seconds within which a message that isn't locked by somebody else comes.
_WAIT: Final = 2.0
#: Properties: those that the service adds, and how often a message was sent again.
_REASON: Final = "DeadLetterReason"
_DESCRIPTION: Final = "DeadLetterErrorDescription"
AGAIN: Final = "retrain-again"
_SUFFIX: Final = re.compile(r"-again-\d+\Z")
#: Characters; the service allows 128.
_LONGEST_ID: Final = 110
_FORMS: Final = {
    AmqpMessageBodyType.DATA: "data_body",
    AmqpMessageBodyType.SEQUENCE: "sequence_body",
    AmqpMessageBodyType.VALUE: "value_body",
}
_Found = TypeVar("_Found")


class ServiceBusDeadLetters:
    """DeadLetters. Receivers stay open, as opening one costs a second of the client's waiting."""

    def __init__(self, connect: Callable[[], ServiceBusClient]) -> None:
        self._graves = {queue: _Grave(connect, queue) for queue in QUEUES}

    def list(self, queue: str, limit: int, after: int = 0) -> Sequence[DeadLetter]:
        return self._graves[queue].use(lambda receiver, _: _list(receiver, queue, limit, after))

    def resubmit(self, queue: str, number: int) -> str | None:
        def send_copy(message: ServiceBusReceivedMessage, lane: Lane) -> str:
            copy, identity = _copy(message)
            lane.send(copy)
            return identity

        return self._graves[queue].use(lambda r, lane: _take(r, number, send_copy, lane))

    def drop(self, queue: str, number: int) -> bool:
        dropped = self._graves[queue].use(lambda r, lane: _take(r, number, lambda *_: "", lane))
        return dropped is not None

    def close(self) -> None:
        for grave in self._graves.values():
            grave.close()


class _Grave:
    """One sub-queue's receiver, for one thread at a time, and its queue's sender."""

    def __init__(self, connect: Callable[[], ServiceBusClient], queue: str) -> None:
        self._connect, self._queue = connect, queue
        self._lock = Lock()
        self._lane = Lane(connect, queue)
        self._open: tuple[ServiceBusClient, ServiceBusReceiver] | None = None

    def use(self, act: Callable[[ServiceBusReceiver, Lane], _Found]) -> _Found:
        with self._lock:
            try:
                return act(self._receiver(), self._lane)
            except ServiceBusError as error:
                self._drop()
                raise _refusal(error) from error

    def close(self) -> None:
        with self._lock:
            self._drop()
            self._lane.close()

    def _receiver(self) -> ServiceBusReceiver:
        if self._open is None:
            client = self._connect()
            sub_queue = ServiceBusSubQueue.DEAD_LETTER
            self._open = (client, client.get_queue_receiver(self._queue, sub_queue=sub_queue))
        return self._open[1]

    def _drop(self) -> None:
        if self._open is not None:
            client, receiver = self._open
            self._open = None
            receiver.close()
            client.close()


def _list(receiver: ServiceBusReceiver, queue: str, limit: int, after: int) -> Sequence[DeadLetter]:
    found: list[DeadLetter] = []
    while len(found) < limit:
        most = min(limit - len(found), _PEEKED)
        page = receiver.peek_messages(most, sequence_number=after + 1)
        if not page:
            break
        found += [_letter(queue, message) for message in page]
        after = found[-1].number
    return found


def _take(
    receiver: ServiceBusReceiver,
    number: int,
    act: Callable[[ServiceBusReceivedMessage, Lane], str],
    lane: Lane,
) -> str | None:
    """What `act` makes of the message, which is then removed; None when it isn't there."""
    if not _is_there(receiver, number):
        return None
    held: list[ServiceBusReceivedMessage] = []
    try:
        while len(held) < HELD:
            page = receiver.receive_messages(_BATCH, max_wait_time=_WAIT)
            held += page
            wanted = next((one for one in page if one.sequence_number == number), None)
            if wanted is not None:
                made = act(wanted, lane)
                receiver.complete_message(wanted)
                held.remove(wanted)
                return made
            if not page:
                raise Transient("Somebody else has the dead letter at hand.", code="Busy")
    finally:
        for message in held:
            receiver.abandon_message(message)
    raise Invalid(
        f"There are {HELD} older dead letters or more before it in the queue.",
        remedy="Send again or drop the older ones first.",
        code="TooManyDeadLetters",
    )


def _is_there(receiver: ServiceBusReceiver, number: int) -> bool:
    seen = receiver.peek_messages(1, sequence_number=number)
    return any(message.sequence_number == number for message in seen)


def _copy(message: ServiceBusReceivedMessage) -> tuple[AmqpAnnotatedMessage, str]:
    """The message as it was sent, under an id of its own: the queue knows the old one."""
    own = _properties(message)
    again = _count(own) + 1
    first = _SUFFIX.sub("", message.message_id or f"dead-{message.sequence_number}")
    identity = f"{first if len(first) <= _LONGEST_ID else digest(first)}-again-{again}"
    kept = {name: value for name, value in own.items() if name not in (_REASON, _DESCRIPTION)}
    form = _FORMS[message.body_type]
    content: dict[str, Any] = {form: message.body if form == "value_body" else [*message.body]}
    copy = AmqpAnnotatedMessage(
        properties={
            "message_id": identity,
            "group_id": message.session_id,
            "subject": message.subject,
            "content_type": message.content_type,
            "correlation_id": message.correlation_id,
        },
        application_properties={**kept, AGAIN: again},
        **content,
    )
    return copy, identity


def _letter(queue: str, message: ServiceBusReceivedMessage) -> DeadLetter:
    assert message.sequence_number is not None, "the service numbers each"
    assert message.enqueued_time_utc is not None, "the service notes when it came"
    return DeadLetter(
        queue=queue,
        number=message.sequence_number,
        id=message.message_id or "",
        run=message.session_id or message.subject or "",
        body=_bytes(message),
        content_type=message.content_type or "",
        reason=message.dead_letter_reason or "",
        description=message.dead_letter_error_description or "",
        enqueued_at=message.enqueued_time_utc,
        again=_count(_properties(message)),
    )


def _bytes(message: ServiceBusReceivedMessage) -> bytes:
    """The data that was sent; of a body in another form of AMQP, its text."""
    match message.body_type:
        case AmqpMessageBodyType.DATA:
            return b"".join(message.body)
        case AmqpMessageBodyType.SEQUENCE:
            return json.dumps([*message.body], default=_plain).encode()
        case _:
            body = message.body
            return body if isinstance(body, bytes) else str(body).encode()


def _plain(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _properties(message: ServiceBusReceivedMessage) -> dict[str, Any]:
    pairs = (message.application_properties or {}).items()
    return {name.decode() if isinstance(name, bytes) else name: value for name, value in pairs}


def _count(properties: dict[str, Any]) -> int:
    """How often it was sent again; anybody may have written anything there."""
    count = properties.get(AGAIN, 0)
    return count if isinstance(count, int) else 0


def _refusal(error: ServiceBusError) -> RetrainError:
    if isinstance(error, ServiceBusAuthenticationError | ServiceBusAuthorizationError):
        return Refused(
            f"Service Bus doesn't let us receive: {error.message}",
            code="AuthenticationFailed",
            remedy="Check the role assignments in infra/, or the key of the local stack.",
        )
    return Transient(f"Service Bus: {error.message}", code="Unreachable")
