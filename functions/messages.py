"""A message as the use cases know it."""

import azure.functions as func

from shared.app.refusals import Arrived
from shared.ports.telemetry import Call


def arrived(queue: str, message: func.ServiceBusMessage) -> Arrived:
    return Arrived(
        queue=queue,
        id=message.message_id or "",
        run=message.session_id or message.subject or "",
        body=message.get_body(),
        deliveries=message.delivery_count or 1,
    )


def called(queue: str, message: func.ServiceBusMessage) -> Call:
    """For the trace: who sent it, and since when it waits."""
    properties = message.application_properties or {}
    return Call(
        f"process {queue}",
        "pubsub",
        caller=str(properties.get("traceparent") or properties.get("Diagnostic-Id") or ""),
        queue=queue,
        message=message.message_id or "",
        deliveries=message.delivery_count or 1,
        waited_since=message.enqueued_time_utc,
    )
