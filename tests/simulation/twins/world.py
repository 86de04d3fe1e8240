"""All ports of a world in memory, and the product built over them."""

from dataclasses import dataclass, field

from shared import wire
from shared.domain.ledger import Limits
from shared.ports.world import Ports
from shared.wiring import Product, built
from tests.simulation.twins.bus import Message, SimulatedBus
from tests.simulation.twins.clock import Clock
from tests.simulation.twins.compute import SimulatedCompute
from tests.simulation.twins.dead_letters import SimulatedDeadLetters
from tests.simulation.twins.files import SimulatedFiles, SimulatedLinks
from tests.simulation.twins.images import SimulatedImages
from tests.simulation.twins.ledger import SimulatedLedger
from tests.simulation.twins.parts import SimulatedParts
from tests.simulation.twins.registry import SimulatedRegistry
from tests.simulation.twins.runs import SimulatedRuns
from tests.simulation.twins.webhooks import SimulatedWebhooks


@dataclass
class Twins:
    """The stores of one world. They outlive every process."""

    clock: Clock = field(default_factory=Clock)
    runs: SimulatedRuns = field(default_factory=SimulatedRuns)
    links: SimulatedLinks = field(default_factory=SimulatedLinks)
    webhooks: SimulatedWebhooks = field(default_factory=SimulatedWebhooks)
    ledger: SimulatedLedger = field(default_factory=SimulatedLedger)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.registry = SimulatedRegistry(self.clock)
        self.files = SimulatedFiles(self.clock)
        self.parts = SimulatedParts(self.files)
        self.bus = SimulatedBus(self.clock)
        self.dead_letters = SimulatedDeadLetters(self.bus)
        self.compute = SimulatedCompute(self.clock)
        self.images = SimulatedImages(self.clock)

    @property
    def ports(self) -> Ports:
        return Ports(
            runs=self.runs,
            files=self.files,
            links=self.links,
            registry=self.registry,
            bus=self.bus,
            dead_letters=self.dead_letters,
            compute=self.compute,
            inventory=self.compute,
            pools=self.compute,
            live_logs=self.compute,
            images=self.images,
            webhooks=self.webhooks,
            ledger=self.ledger,
            parts=self.parts,
            now=self.clock,
            url="https://retrain.invalid",
            limits=self.limits,
        )

    def product(self) -> Product:
        """The use cases of a process that has just started."""
        return built(self.ports)

    def settle(self, seconds: int = 30) -> None:
        """Let so much time pass, second by second, and hand out what is due; nothing goes wrong."""
        for _ in range(seconds):
            self.clock.pass_by(1)
            while due := [m for m in self.bus.messages if m.visible_at <= self.clock.now]:
                message = due[0]
                self.bus.messages.remove(message)
                handled(self.product(), message)


def handled(product: Product, message: Message) -> None:
    """What the Service Bus doors do."""
    if message.session:
        product.inbox.handle(*wire.decode_event(message.body))
    else:
        product.admission.admit(wire.decode_request(message.body))
