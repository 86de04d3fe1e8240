"""Images that take a while to build, or never are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.ports.images import ImageState
from tests.simulation.twins.clock import Clock


@dataclass
class SimulatedImages:
    """Images. `failing` holds keys that can't be built."""

    clock: Clock = field(default_factory=Clock)
    takes: timedelta = timedelta(0)
    failing: set[str] = field(default_factory=set)
    started: dict[str, datetime] = field(default_factory=dict)
    builds: int = 0

    def ensure(self, key: str, image: str, conda: Mapping[str, Any], *, afresh: bool) -> ImageState:
        if key not in self.started or (afresh and key in self.failing and self._over(key)):
            self.started[key] = self.clock.now
            self.builds += 1
        if not self._over(key):
            return ImageState("building")
        if key in self.failing:
            return ImageState("failed", reason="no such package", log="solving\nno such package")
        return ImageState("ready", f"built/{key[:12]}")

    def _over(self, key: str) -> bool:
        return self.clock.now >= self.started[key] + self.takes
