"""Other people's addresses. What is told stays told, whether or not the teller heard of it."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.errors import Refused, Transient


@dataclass
class SimulatedWebhooks:
    """Webhooks. `told` holds the bodies by message id; `down` and `gone` hold addresses."""

    down: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    told: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))

    def check(self, url: str) -> None:
        if "private" in url:
            raise Refused("It is private.", code="WebhookAddressRefused", remedy="Make it public.")

    def post(self, url: str, message: str, at: datetime, body: bytes) -> None:
        self.check(url)
        if url in self.gone:
            raise Refused("It answered 410.", code="Http410")
        if url in self.down:
            raise Transient("It answered 503.", code="Http503")
        self.told[message].append(body)
