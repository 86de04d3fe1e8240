"""What becomes of a message once its function has ended: completed, or abandoned to come again."""

import asyncio
import logging
from collections.abc import Sequence

from retrain.local.host.functions import Function
from retrain.local.host.host_json import ServiceBusOptions
from retrain.local.host.queues import Delivery

log = logging.getLogger(__name__)


class Settling:
    """Settles the messages of one function."""

    def __init__(self, function: Function, options: ServiceBusOptions) -> None:
        asked = function.trigger.fields.get("autoCompleteMessages")
        self._complete = options.auto_complete if asked is None else bool(asked)
        self._name = function.name

    async def settle(self, deliveries: Sequence[Delivery], *, succeeded: bool) -> None:
        """All that one call was given share its end.

        Without autoCompleteMessages a success settles nothing: Python has no way to settle from
        code, so the locks run out and the messages come again, here as in Azure.
        """
        if succeeded and not self._complete:
            return
        await asyncio.gather(*(self._one(delivery, succeeded) for delivery in deliveries))

    async def _one(self, delivery: Delivery, succeeded: bool) -> None:
        try:
            await (delivery.complete() if succeeded else delivery.abandon())
        except Exception as error:  # noqa: BLE001 - whatever the queue says, the message comes again
            log.warning(
                "message %s of %s can't be settled and comes again: %s",
                *(delivery.message_id, self._name, error),
            )
