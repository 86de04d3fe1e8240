"""What a soak tells at its end."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Report:
    """dead_letters: all of them, explained or not.

    broken: invariants that did not hold, by check.  seconds: how long the parts took.
    """

    seed: int
    asks: int
    runs: int
    statuses: Counter[str]
    attempts: Counter[int]
    problems: Counter[str]
    kinds: Counter[str]
    kills: Counter[str]
    faults: dict[str, int]
    recoveries: list[tuple[str, float]]
    seconds: dict[str, float]
    dead_letters: list[str] = field(default_factory=list)
    broken: dict[str, list[str]] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        return not any(self.broken.values())

    def lines(self) -> Iterator[str]:
        yield f"seed            {self.seed}"
        yield f"asks            {self.asks}: {_counted(self.kinds)}"
        yield f"runs            {self.runs}: {_counted(self.statuses)}"
        yield f"attempts        {_counted(self.attempts)}"
        yield f"failures        {_counted(self.problems) or 'none'}"
        yield f"kills           {sum(self.kills.values())}: {_counted(self.kills)}"
        yield f"faults          {sum(self.faults.values())}: {_counted(Counter(self.faults))}"
        yield f"back after      {self._recovered()}"
        yield f"dead letters    {len(self.dead_letters) or 'none'}"
        yield from (f"    {letter}" for letter in self.dead_letters[:20])
        took = ", ".join(f"{name} {value:.0f} s" for name, value in self.seconds.items())
        yield f"took            {took}"
        for check, found in self.broken.items():
            yield f"{check:<16}{len(found) or 'none'}"
            yield from (f"    {sentence}" for sentence in found[:20])
        yield "It held." if self.good else "It did NOT hold."

    def as_json(self) -> str:
        return json.dumps({**self._plain(), "good": self.good})

    def _plain(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "runs": self.runs,
            "statuses": self.statuses,
            "kills": self.kills,
            "faults": self.faults,
            "seconds": {name: round(value, 1) for name, value in self.seconds.items()},
            "slowest_recovery": round(max((s for _, s in self.recoveries), default=0.0), 1),
            "dead_letters": len(self.dead_letters),
            "broken": {check: len(found) for check, found in self.broken.items()},
        }

    def _recovered(self) -> str:
        slowest: dict[str, list[float]] = {}
        for name, seconds in self.recoveries:
            slowest.setdefault(name, []).append(seconds)
        return ", ".join(
            f"{name} {sorted(found)[len(found) // 2]:.1f} s (at most {max(found):.1f})"
            for name, found in slowest.items()
        )


def _counted(counts: Counter[Any]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=str))
