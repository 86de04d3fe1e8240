"""Which attempts have nodes, which wait for some, and how much of today's node-hours is used. Pure.

An attempt has its nodes from when it was let in until its deletion is accepted. Those that wait are
let in by their names, which begin with the time that their runs were asked for: the oldest first,
and nobody overtakes, so that one which needs many nodes gets them. Only those that wait for a node
of a named compute are passed by.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Final

#: So many wait by name; others beyond are asked again by the watch, which nudges what is quiet.
MOST_WAITING: Final = 4000
#: What an attempt without a limit of its own is reckoned to take, in seconds, before it is let in.
RECKONED: Final = 3600
HOUR: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of all compute of ours at once, and of a day of UTC; None is no limit."""

    nodes: int | None = None
    node_hours: float | None = None

    def __bool__(self) -> bool:
        return self.nodes is not None or self.node_hours is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What an attempt takes: so many nodes, for so many seconds as far as one can reckon.

    compute: the named one that it shares, and `most` its nodes at most, 0 when that isn't known; ""
    is nodes of its own.
    since: when it was let in, or was told to wait.
    """

    nodes: int
    seconds: int
    since: datetime
    compute: str = ""
    most: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """taken, waiting: by the attempts' keys.  used: node-seconds of the UTC day of `at`."""

    taken: Mapping[str, Place] = field(default_factory=dict)
    waiting: Mapping[str, Place] = field(default_factory=dict)
    used: float = 0.0
    at: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    @property
    def nodes(self) -> int:
        """Those in use."""
        return sum(place.nodes for place in self.taken.values())

    @property
    def node_hours(self) -> float:
        """Those used today, up to `at`."""
        return self.used / HOUR


def ask(ledger: Ledger, limits: Limits, key: str, place: Place) -> Ledger:
    """The attempt has its place now, or waits for one. `place.since` is the time. Asked again it
    keeps what it has."""
    ledger = brought_to(ledger, place.since)
    if key in ledger.taken:
        return ledger
    if key in ledger.waiting or len(ledger.waiting) < MOST_WAITING:
        waiting = {**ledger.waiting, key: ledger.waiting.get(key, place)}
        ledger = replace(ledger, waiting=waiting)
    return let_in(ledger, limits)


def leave(ledger: Ledger, keys: Iterable[str], now: datetime) -> Ledger:
    """The attempts have no place any more, nor want one."""
    ledger, gone = brought_to(ledger, now), {*keys}
    return replace(
        ledger,
        taken={key: place for key, place in ledger.taken.items() if key not in gone},
        waiting={key: place for key, place in ledger.waiting.items() if key not in gone},
    )


def let_in(ledger: Ledger, limits: Limits) -> Ledger:
    """Whoever is next, as long as there is room. One that never fits, a limit having been lowered,
    waits no more: it is refused when it asks again."""
    taken, waiting = dict(ledger.taken), dict(ledger.waiting)
    for key in sorted(waiting):
        place = waiting[key]
        if too_large(place, limits):
            del waiting[key]
            continue
        now = replace(ledger, taken=taken)
        if not _is_on_compute(now, place):
            continue
        if not fits(now, limits, place):
            break
        del waiting[key]
        taken[key] = replace(place, since=ledger.at)
    return replace(ledger, taken=taken, waiting=waiting)


def too_large(place: Place, limits: Limits) -> bool:
    """Whether it would not even fit alone."""
    return limits.nodes is not None and place.nodes > limits.nodes


def resized(ledger: Ledger, most: Mapping[str, int]) -> Ledger:
    """With the computes as they are now. most: nodes at most, by the compute's key."""
    waiting = {
        key: replace(place, most=most.get(place.compute, 0)) if place.compute else place
        for key, place in ledger.waiting.items()
    }
    return replace(ledger, waiting=waiting)


def brought_to(ledger: Ledger, now: datetime) -> Ledger:
    """With what was used until now. A clock that lags behind changes nothing; a day begins anew."""
    if now <= ledger.at:
        return ledger
    midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    begun = max(ledger.at, midnight)
    before = ledger.used if ledger.at >= midnight else 0.0
    used = before + ledger.nodes * (now - begun).total_seconds()
    return replace(ledger, used=used, at=now)


def fits(ledger: Ledger, limits: Limits, place: Place) -> bool:
    """Whether it may be let in as things stand at `ledger.at`."""
    room = limits.nodes is None or ledger.nodes + place.nodes <= limits.nodes
    return room and _has_hours(ledger, limits, place)


def why_not(ledger: Ledger, limits: Limits, place: Place) -> str:
    """What it waits for, for the run's timeline."""
    if not _has_hours(ledger, limits, place):
        return (
            f"waits for node-hours: {ledger.node_hours:.1f} of {limits.node_hours:g} are used today"
            f" (UTC), {_reckoned(ledger) / HOUR:.1f} more by what runs"
        )
    if not _is_on_compute(ledger, place):
        return f"waits for a node of compute '{place.compute}': it has {place.most}"
    if limits.nodes is None or fits(ledger, limits, place):
        return "waits for those before it"
    return f"waits for nodes: {ledger.nodes} of {limits.nodes} in use"


def _is_on_compute(ledger: Ledger, place: Place) -> bool:
    """Whether its compute has a node for it; one without a compute needs none."""
    if not (place.compute and place.most):
        return True
    there = [one.nodes for one in ledger.taken.values() if one.compute == place.compute]
    return sum(there) + place.nodes <= place.most


def _has_hours(ledger: Ledger, limits: Limits, place: Place) -> bool:
    """Whether what is used, and what those that run may still use, leaves enough of the day for it.

    One that runs alone may overrun the day; else what is reckoned too long would never run.
    """
    if limits.node_hours is None:
        return True
    budget = limits.node_hours * HOUR
    if not ledger.taken:
        return ledger.used < budget
    asked = place.nodes * min(place.seconds, _left_of_day(ledger.at))
    return ledger.used + _reckoned(ledger) + asked <= budget


def _reckoned(ledger: Ledger) -> float:
    """Node-seconds that those with a place may still use today."""
    left = _left_of_day(ledger.at)
    return sum(
        place.nodes * max(0.0, min(left, place.seconds - (ledger.at - place.since).total_seconds()))
        for place in ledger.taken.values()
    )


def _left_of_day(now: datetime) -> float:
    midnight = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
    return (midnight - now).total_seconds()
