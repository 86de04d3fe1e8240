"""Bus over azure-servicebus."""

from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Lock
from typing import Any

from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSender
from azure.servicebus.amqp import AmqpAnnotatedMessage
from azure.servicebus.exceptions import MessageSizeExceededError, ServiceBusError

from shared import wire
from shared.domain.errors import Invalid, Transient
from shared.domain.events import FilesWait, Told
from shared.domain.requests import TrainingRequest
from shared.ports.bus import EVENTS, REQUESTS
from shared.ports.telemetry import SILENT, Telemetry


class ServiceBus:
    """Bus. Senders stay open: opening one costs a second of the client's own waiting."""

    def __init__(
        self, connect: Callable[[], ServiceBusClient], telemetry: Telemetry = SILENT
    ) -> None:
        self._requests = Lane(connect, REQUESTS)
        self._events = Lane(connect, EVENTS)
        self._telemetry = telemetry

    def request(self, request: TrainingRequest) -> None:
        body = wire.encode_request(request)
        with self._telemetry.sending(REQUESTS, request.run) as properties:
            message = _message(body, request.id, subject=request.run)
            self._requests.send(_with(message, properties))

    def event(self, run: str, event: Told, *, after: datetime | None = None) -> None:
        message = _message(wire.encode_event(run, event), event.id, session_id=run)
        message.scheduled_enqueue_time_utc = after
        if isinstance(event, FilesWait):  # of a schedule, no run yet
            self._events.send(message)
            return
        with self._telemetry.sending(EVENTS, run) as properties:
            self._events.send(_with(message, properties))

    def close(self) -> None:
        self._requests.close()
        self._events.close()


class Lane:
    """One queue's sender. The SDK's isn't made for two threads at once."""

    def __init__(self, connect: Callable[[], ServiceBusClient], queue: str) -> None:
        self._connect, self._queue = connect, queue
        self._lock = Lock()
        self._open: tuple[ServiceBusClient, ServiceBusSender] | None = None

    def send(self, message: ServiceBusMessage | AmqpAnnotatedMessage) -> None:
        with self._lock:
            try:
                self._sender().send_messages(message)
            except MessageSizeExceededError as error:
                raise Invalid(
                    "The job is too large for a message (256 KB).",
                    remedy="Put long texts into files of the code folder.",
                    code="JobTooLarge",
                ) from error
            except ServiceBusError as error:
                self._drop()
                raise Transient(f"Service Bus: {error.message}", code="Unreachable") from error

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _sender(self) -> ServiceBusSender:
        if self._open is None:
            client = self._connect()
            self._open = (client, client.get_queue_sender(self._queue))
        return self._open[1]

    def _drop(self) -> None:
        if self._open is not None:
            client, sender = self._open
            self._open = None
            sender.close()
            client.close()


def _message(body: bytes, message_id: str, **properties: Any) -> ServiceBusMessage:
    return ServiceBusMessage(
        body, message_id=message_id, content_type="application/json", **properties
    )


def _with(message: ServiceBusMessage, properties: Mapping[str, str]) -> ServiceBusMessage:
    """The trace context travels beside the body, as that of Azure's own SDKs does."""
    if properties:
        headers: dict[str | bytes, Any] = {}
        headers.update(properties.items())
        message.application_properties = headers
    return message
