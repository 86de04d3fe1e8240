"""Images that take a while to build, or never are."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.jobs.images import Recipe
from shared.ports.images import BuildSeen
from tests.simulation.twins.clock import Clock


@dataclass
class SimulatedImages:
    """Images. `failing` holds keys that can't be built; `started` each build's key and time;
    `explained`: whether it says what was wrong with a build.

    Every `begin` is another build, as in the cloud: that there is one is the product's affair.
    """

    clock: Clock = field(default_factory=Clock)
    takes: timedelta = timedelta(0)
    failing: set[str] = field(default_factory=set)
    started: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    explained: bool = True

    @property
    def builds(self) -> int:
        return len(self.started)

    def find(self, recipe: Recipe) -> str | None:
        key = recipe.key
        built = [one for one, (its, _) in self.started.items() if its == key and self._over(one)]
        there = key not in self.failing and any(one not in self.deleted for one in built)
        return f"built/{key[:12]}" if there else None

    def begin(self, recipe: Recipe) -> str:
        build = f"{recipe.key[:12]}-{len(self.started) + 1}"
        self.started[build] = (recipe.key, self.clock.now)
        return build

    def look(self, build: str) -> BuildSeen | None:
        if build not in self.started:
            return None
        if not self._over(build):
            return BuildSeen("building")
        failed = self.started[build][0] in self.failing
        if not failed:
            return BuildSeen("ready")
        return BuildSeen("failed", "no such package" if self.explained else "it", self.explained)

    def log(self, build: str, offset: int, limit: int) -> bytes:
        said = b"solving\n"
        if self._over(build):
            said += b"no such package\n" if self.started[build][0] in self.failing else b"done\n"
        return said[offset : offset + limit]

    def _over(self, build: str) -> bool:
        return self.clock.now >= self.started[build][1] + self.takes
