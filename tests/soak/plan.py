"""All of a soak's chance, thrown once: the same seed is the same plan."""

import random
from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal[
    "no-op",  # ends at once
    "failing",  # its script exits with 3
    "sleeping",  # seconds
    "cancelled",  # somebody asks for its end at some moment, or twice
    "twice",  # the request is sent by two at once, with one key
    "model",  # its output becomes a version of a model
    "code",  # has a snapshot, and so a preparation task
    "shared",  # on a named compute
    "built",  # in an environment that has to be built
    "file",  # a file lands
    "file twice",  # and lands again, the same or another
    "gathered",  # several files are one run
]
Service = Literal["servicebus", "batch", "azurite", "images", "host"]

SERVICES: Final[tuple[Service, ...]] = ("servicebus", "azurite", "images", "batch", "host")
_WEIGHTS: Final[dict[Kind, int]] = {
    "no-op": 24,
    "failing": 8,
    "sleeping": 10,
    "cancelled": 14,
    "twice": 8,
    "model": 10,
    "code": 6,
    "shared": 8,
    "built": 2,
    "file": 8,
    "file twice": 6,
    "gathered": 2,
}
#: Who is killed, and how often in comparison.
_KILLED: Final[dict[tuple[Service, ...], int]] = {
    ("host",): 6,
    ("servicebus",): 5,
    ("batch",): 5,
    ("azurite",): 4,
    ("images",): 2,
    ("host", "servicebus"): 1,
    ("host", "batch"): 1,
    SERVICES: 3,
}
_LONGEST_SLEEP: Final = 4.0


@dataclass(frozen=True, slots=True)
class Ask:
    """Something that a user wants. at: seconds from the start. cancels: seconds after it."""

    number: int
    at: float
    kind: Kind
    seconds: float = 0.0
    cancels: tuple[float, ...] = ()
    same: bool = False


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL to these at a moment; each is started again `down` seconds later.

    child: of Azurite its Node process alone, which the other one then replaces.
    """

    at: float
    services: tuple[Service, ...]
    down: float
    child: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """seconds: for how long asks come and things go wrong."""

    seed: int
    seconds: float
    asks: tuple[Ask, ...]
    kills: tuple[Kill, ...]
    faults: dict[str, Any]


def planned(seed: int, runs: int, seconds: float, every: float) -> Plan:
    """`runs` asks, and a kill about every so many seconds; of everything at least once."""
    dice = random.Random(seed)
    kinds = dice.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=runs)
    kinds[: len(_WEIGHTS)] = list(_WEIGHTS)[:runs]
    dice.shuffle(kinds)
    moments = sorted(dice.uniform(0, seconds) for _ in range(runs))
    asks = tuple(
        _ask(dice, number, at, kind)
        for number, (at, kind) in enumerate(zip(moments, kinds, strict=True))
    )
    return Plan(seed, seconds, asks, tuple(_kills(dice, seconds, every)), _faults(seed))


def _ask(dice: random.Random, number: int, at: float, kind: Kind) -> Ask:
    match kind:
        case "sleeping":
            return Ask(number, at, kind, dice.uniform(0.2, _LONGEST_SLEEP))
        case "cancelled":
            cancels = [dice.choice([dice.uniform(0, 0.3), dice.uniform(0, 8)])]
            if dice.random() < 0.3:
                cancels.append(cancels[0] + dice.uniform(0, 1))
            return Ask(number, at, kind, 20.0, tuple(cancels))
        case "file twice":
            return Ask(number, at, kind, dice.uniform(0, 3), same=dice.random() < 0.5)
        case _:
            return Ask(number, at, kind)


def _kills(dice: random.Random, seconds: float, every: float) -> list[Kill]:
    times = int(seconds / every)
    whom = dice.choices(list(_KILLED), list(_KILLED.values()), k=max(0, times - 5))
    # In the shortest soak, too, each dies once, and all together.
    each: list[tuple[Service, ...]] = [("host",), ("servicebus",), ("batch",), ("azurite",)]
    whom += [*each, SERVICES][:times]
    dice.shuffle(whom)
    step = seconds / max(1, len(whom))
    return [
        Kill(
            at=number * step + dice.uniform(0, step),
            services=services,
            down=dice.choice([0.0, dice.uniform(0, 1), dice.uniform(0, 5)]),
            child=services == ("azurite",) and dice.random() < 0.4,
        )
        for number, services in enumerate(whom)
    ]


def _faults(seed: int) -> dict[str, Any]:
    """What the emulators do to those who ask them, all the while."""
    batch: list[dict[str, Any]] = [
        {"kind": "throttle", "probability": 0.02},
        {"kind": "error", "probability": 0.01},
        {"kind": "error", "probability": 0.01, "effect": "after", "name": "batch-lies"},
        {"kind": "drop", "probability": 0.01},
        {"kind": "drop", "probability": 0.01, "effect": "after", "name": "batch-unheard"},
        {"kind": "latency", "probability": 0.05, "seconds": [0.01, 0.3]},
        {"kind": "allocation_failure", "probability": 0.02},
        {"kind": "slow_allocation", "probability": 0.1, "seconds": [0.1, 2]},
        {"kind": "leaked_auto_pool", "probability": 0.03},
        {"kind": "node_loss", "probability": 0.02, "seconds": [0, 1]},
        {"kind": "input_download_failure", "probability": 0.01},
        {"kind": "output_upload_failure", "probability": 0.01},
        {"kind": "slow_deletion", "probability": 0.05, "seconds": [0.1, 3], "where": {"job": "*"}},
    ]
    bus: list[dict[str, Any]] = [
        {"kind": "throttle", "probability": 0.01, "where": {"operation": "send"}},
        {"kind": "drop", "probability": 0.005},
        {"kind": "drop", "probability": 0.005, "effect": "after", "name": "bus-unheard"},
        {"kind": "closed_link", "probability": 0.005},
        {"kind": "lost_lock", "probability": 0.01, "seconds": [0, 0.5]},
        {"kind": "duplicate", "probability": 0.05},
        {"kind": "late", "probability": 0.05, "seconds": [0.1, 3]},
    ]
    blob: list[dict[str, Any]] = [
        {"kind": "throttle", "probability": 0.005},
        {"kind": "error", "probability": 0.005},
        {"kind": "drop", "probability": 0.005},
        {"kind": "drop", "probability": 0.005, "effect": "after", "name": "blob-unheard"},
        {"kind": "latency", "probability": 0.02, "seconds": [0.01, 0.3]},
    ]
    rules = {"batch": batch, "servicebus": bus, "blob": blob}
    return {
        "seed": seed,
        "rules": [
            {"service": name, "name": f"{name}-{rule['kind']}", **rule}
            for name, those in rules.items()
            for rule in those
        ],
    }
