"""A failing seed made small: mishaps are taken away as long as the world still breaks.

Each mishap has a name that depends on no other, so what is left stays what it was. The search is
Zeller's and Hildebrandt's ddmin (IEEE Trans. Software Eng. 28, 2002), within a number of worlds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tests.simulation.luck import Luck
from tests.simulation.trace import Trace
from tests.simulation.twins.world import Twins

#: Worlds that may be tried for one seed.
BUDGET: Final = 300


class World(Protocol):
    """A seed's."""

    luck: Luck
    trace: Trace
    twins: Twins

    def run(self) -> None: ...


MakeWorld = Callable[[int, frozenset[str] | None], World]


@dataclass(frozen=True, slots=True)
class Played:
    """broken: what was broken, or None.  mishaps: those that came about, in order.  runs: how many
    there were."""

    broken: str | None
    mishaps: Sequence[str]
    trace: Sequence[str]
    runs: int


def played(make: MakeWorld, seed: int, only: frozenset[str] | None = None) -> Played:
    """What happens under the seed. Any exception that isn't one of the product's breaks it, too."""
    world = make(seed, only)
    try:
        world.run()
        broken = None
    except AssertionError as error:
        broken = str(error) or "an assertion without words"
    except Exception as error:  # noqa: BLE001 - a bug of the product
        broken = f"{type(error).__name__}: {error}"
    runs = len(world.twins.runs.records)
    return Played(broken, [*world.luck.taken], world.trace.lines(), runs)


def shrunk(make: MakeWorld, seed: int, whole: Played, budget: int = BUDGET) -> list[int]:
    """Numbers of the mishaps, in `whole`'s order, that it still takes to break the same promise."""
    wanted = _promise(whole)

    def breaks(numbers: Sequence[int]) -> bool:
        nonlocal budget
        budget -= 1
        names = frozenset(whole.mishaps[number] for number in numbers)
        return _promise(played(make, seed, names)) == wanted

    left, parts = [*range(len(whole.mishaps))], 2
    while left and budget > 0:
        size = max(1, len(left) // parts)
        for start in range(0, len(left), size):
            without = left[:start] + left[start + size :]
            if budget > 0 and breaks(without):
                left, parts = without, max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts = min(len(left), parts * 2)
    return left


def _promise(one: Played) -> str | None:
    """What was broken, without whose it was."""
    return one.broken and one.broken.partition(":")[0]


def report(make: MakeWorld, seed: int, whole: Played, command: str) -> str:
    """A failing seed for a person: what broke, which mishaps it takes, and what happened then."""
    numbers = shrunk(make, seed, whole)
    left = played(make, seed, frozenset(whole.mishaps[number] for number in numbers))
    only = ",".join(map(str, numbers)) or "none"
    lines = [
        f"seed {seed}: {left.broken}",
        f"{len(numbers)} of {len(whole.mishaps)} mishaps are enough (!):",
        "",
        *left.trace,
        "",
        f"Once more: {command} {seed} --only {only}",
    ]
    return "\n".join(lines)
