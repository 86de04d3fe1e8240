"""A pool as the formulas see it, made up: present values and samples, and a time that stands."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from retrain.local.batch.autoscale import Result, Setting, evaluate, parse

NOW = datetime(2026, 11, 24, 9, 30, 15, 250_000, UTC)  # a Tuesday


@dataclass
class World:
    """`samples` by name, the newest last, one each 30 seconds up to `NOW`."""

    values: dict[str, float] = field(default_factory=dict)
    samples: dict[str, list[float]] = field(default_factory=dict)

    def now(self, name: str) -> float | None:
        return self.values.get(name, 0.0 if name in self.samples else None)

    def history(self, name: str) -> Sequence[tuple[datetime, float]]:
        values = self.samples.get(name, [])
        ages = range(len(values) - 1, -1, -1)
        return [(NOW - timedelta(seconds=30 * age), v) for age, v in zip(ages, values, strict=True)]


def run(text: str, world: World | None = None, dedicated: int = 0, low: int = 0) -> Result:
    return evaluate(parse(text), world or World(), NOW, Setting(dedicated, low, "requeue"))


def value_of(expression: str, world: World | None = None) -> str:
    """The expression's value, as the results show it."""
    result = run(f"x = {expression}", world)
    assert result.error is None, result.error
    return result.text.rpartition(";x=")[2]


def refusal_of(expression: str, world: World | None = None) -> str:
    """Why the expression has no value."""
    result = run(f"x = {expression}", world)
    assert result.error is not None
    return result.error.detail
