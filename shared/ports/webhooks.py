"""Addresses of other people that are told of something."""

from datetime import datetime
from typing import Protocol


class Webhooks(Protocol):
    """Twins: SignedWebhooks, SimulatedWebhooks."""

    def check(self, url: str) -> None:
        """Raises Refused when nothing would ever be sent there, as far as the address tells."""

    def post(self, url: str, message: str, at: datetime, body: bytes) -> None:
        """Send JSON, once more under the same `message` id if need be; a receiver that keeps the
        ids knows it again. Raises Transient when another try may help, Refused when none will."""
