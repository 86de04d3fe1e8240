"""Who may send to an entity or receive from it, and what it can hold, by what it is told to be."""

from typing import Final

from retrain.local.servicebus.errors import EntityDisabled, NotAllowed, QuotaExceeded
from retrain.local.servicebus.messages import Message
from retrain.local.servicebus.settings import QueueSettings, TopicSettings
from retrain.local.servicebus.store import DataFolderUnusable

_MEGABYTE: Final = 1 << 20
#: Why a message that was not sent here is a dead letter here.
NO_SESSION: Final = (
    "Session ID is null.",
    "Session enabled entity doesn't allow a message whose session identifier is null.",
)


def check_sending(settings: QueueSettings | TopicSettings, held: int) -> None:
    """held: bytes that are in it already. Raises EntityDisabled, QuotaExceeded."""
    if not settings.status.sends:
        raise EntityDisabled(settings.path, settings.status)
    if held >= settings.max_megabytes * _MEGABYTE:
        raise QuotaExceeded(settings.path, settings.max_megabytes)


def check_receiving(settings: QueueSettings) -> None:
    """Raises EntityDisabled, NotAllowed."""
    if not settings.status.receives:
        raise EntityDisabled(settings.path, settings.status)
    if settings.forward_to is not None:
        raise NotAllowed(
            f"Cannot create a message receiver on '{settings.path}': it has auto-forwarding "
            "enabled. Receive where it forwards to."
        )


def check_restored(settings: QueueSettings, message: Message) -> None:
    """Raises DataFolderUnusable for a message that the queue took when it was told otherwise."""
    if settings.sessions and message.session_id is None:
        raise DataFolderUnusable(
            f"The queue '{settings.path}' holds messages from when it did not require sessions. "
            "Set RequiresSession to false again, or use another data folder."
        )
