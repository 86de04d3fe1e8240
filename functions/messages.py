"""A message as the use cases know it."""

import azure.functions as func

from shared.app.refusals import Arrived


def arrived(queue: str, message: func.ServiceBusMessage) -> Arrived:
    return Arrived(
        queue=queue,
        id=message.message_id or "",
        run=message.session_id or message.subject or "",
        body=message.get_body(),
        deliveries=message.delivery_count or 1,
    )
