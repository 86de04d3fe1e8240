"""All the ports together: Azure's, the local stack's, or the simulation's."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.ledger import Limits
from shared.ports.bus import Bus
from shared.ports.compute import Compute, Inventory, LiveLogs, Pools
from shared.ports.dead_letters import DeadLetters
from shared.ports.files import Files, Links
from shared.ports.images import Images
from shared.ports.ledger import Ledger
from shared.ports.parts import Parts
from shared.ports.registry import Registry
from shared.ports.runs import Runs
from shared.ports.webhooks import Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The world, by its ports. url: where it reaches the app, "" when it doesn't.

    limits: of its compute.
    """

    runs: Runs
    files: Files
    links: Links
    registry: Registry
    bus: Bus
    dead_letters: DeadLetters
    compute: Compute
    inventory: Inventory
    pools: Pools
    live_logs: LiveLogs
    images: Images
    webhooks: Webhooks
    ledger: Ledger
    parts: Parts
    now: Callable[[], datetime]
    url: str = ""
    limits: Limits = field(default_factory=Limits)
