"""A message that is in no queue, for a function that a person calls by hand."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class ManualDelivery:
    """A delivery with a body and nothing else; settling it does nothing."""

    body: bytes
    message_id: str | None = None
    session_id: str | None = None
    delivery_count: int = 0
    sequence_number: int = 0
    enqueued_time: datetime = _NEVER
    locked_until: float = 0.0
    content_type: str | None = None
    correlation_id: str | None = None
    subject: str | None = None
    reply_to: str | None = None
    to: str | None = None
    application_properties: dict[str, Any] = field(default_factory=dict)
    lock_token: str = "00000000-0000-0000-0000-000000000000"  # noqa: S105 - .NET's empty Guid

    async def complete(self) -> None:
        """There is nothing to settle."""

    async def abandon(self) -> None:
        """There is nothing to settle."""

    async def renew_lock(self) -> None:
        """There is no lock."""

    def release(self) -> None:
        """There is nothing to give back."""
