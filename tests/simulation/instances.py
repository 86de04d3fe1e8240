"""Orchestrator instances: processes that have a clock, a version of the code, and a memory."""

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared import wire
from shared.domain.run import Run
from shared.ports.runs import Stored, Summary
from shared.ports.world import Ports
from shared.wiring import Product, built
from tests.simulation.deploys import Deploy, check_known, newer_reads, newer_writes, older
from tests.simulation.faults import Faults
from tests.simulation.twins.bus import Message
from tests.simulation.twins.runs import SimulatedRuns
from tests.simulation.twins.world import Twins


@dataclass
class Instance:
    """skew: of its clock.  old: it runs the code before the deploy (None: there is none)."""

    number: int
    twins: Twins
    faults: Faults
    skew: timedelta = timedelta(0)
    deploy: Deploy | None = None
    newer: set[str] = field(default_factory=set)  # records that one of the newer code wrote; shared
    old: bool = False
    _product: Product | None = None

    @property
    def product(self) -> Product:
        """The use cases, with what they remember."""
        if self._product is None:
            ports = self.twins.ports
            if self.deploy == "the newer write anew":
                versions = _VersionedRuns(self.twins.runs, self.newer, self.old)
                ports = replace(ports, runs=versions)
            ports = self.faults.around(ports, self._now)
            self._product = built(self._as_seen(ports))
            # A step that stalls with it would hold up the whole world, in which one thread runs.
            object.__setattr__(self._product.book, "_writing", nullcontext())
        return self._product

    def restart(self) -> None:
        """All it had in memory is gone."""
        self._product = None

    def handle(self, message: Message) -> None:
        """What the Service Bus doors do."""
        body = message.body
        if self.deploy == "the newer write anew" and not self.old:
            body = newer_reads(body)
        if self.deploy == "the older know less" and self.old:
            check_known(body)
        if not message.session:
            self.product.admission.admit(wire.decode_request(body))
            return
        run, event = wire.decode_event(body)
        self.product.inbox.handle(run, event)

    def sends(self, message: Message) -> None:
        """What the instance sends is in its version's words."""
        if self.deploy == "the newer write anew" and not self.old:
            message.body = newer_writes(message.body)

    def _now(self) -> datetime:
        return self.twins.clock.now + self.skew

    def _as_seen(self, ports: Ports) -> Ports:
        return older(ports, self.deploy) if self.old and self.deploy else ports


@dataclass(frozen=True, slots=True)
class _VersionedRuns:
    """Records of two versions, of which the older instances can't read the newer one."""

    runs: SimulatedRuns
    newer: set[str]  # names
    old: bool

    def create(self, run: Run) -> bool:
        created = self.runs.create(run)
        if created and not self.old:
            self.newer.add(run.name)
        return created

    def load(self, name: str) -> Stored:
        if self.old and name in self.newer:
            wire.decode_run(newer_writes(self.runs.records[name][1]))
        return self.runs.load(name)

    def save(self, run: Run, etag: str) -> None:
        self.runs.save(run, etag)
        if not self.old:
            self.newer.add(run.name)

    def list(self, prefix: str = "") -> Iterable[Summary]:
        return self.runs.list(prefix)
