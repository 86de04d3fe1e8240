"""The rules in force: what they have matched and struck, and the question the services ask.

    struck = faults.strike("batch", RequestFault, operation="create_job", job="train-1")

Every rule of that kind that fits counts the match, whatever the others say; of those that strike
the first in the plan decides. So the n-th match of a rule has the same verdict in every run.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from retrain.local.faults.dice import throw
from retrain.local.faults.plan import Plan, named
from retrain.local.faults.rule import Facts, Rule
from retrain.local.faults.span import Span

log = logging.getLogger("retrain.faults")

#: A class of rules, or a mark that several classes have.
Kind = TypeVar("Kind")

_REMEMBERED: Final = 100


class UnknownRule(KeyError):
    """No rule in force has that name."""


class NameTaken(ValueError):
    """A rule in force has that name."""


@dataclass(frozen=True, slots=True)
class Struck(Generic[Kind]):
    """A rule that strikes. match: its number, from 1, among what the rule fitted."""

    rule: Kind
    name: str
    match: int
    seed: int

    def draw(self, span: Span) -> float:
        """Seconds out of a time of the rule: of this match always the same."""
        return span.at(throw(self.seed, self.name, self.match, "seconds"))


@dataclass(slots=True, eq=False)
class Tally:
    """A rule in force. overruled: it struck, and a rule before it decided."""

    rule: Rule
    matches: int = 0
    struck: int = 0
    overruled: int = 0

    @property
    def spent(self) -> bool:
        """It never strikes again."""
        return self.rule.times is not None and self.struck >= self.rule.times

    def meets(self, seed: int, facts: Facts) -> Struck[Any] | None:
        """Count the match, if it is one; the verdict, if it strikes."""
        rule = self.rule
        if not rule.fits(facts):
            return None
        self.matches += 1
        if self.spent or not rule.due(self.matches):
            return None
        if throw(seed, rule.name, self.matches) >= rule.probability:
            return None
        self.struck += 1
        return Struck(rule, rule.name, self.matches, seed)

    def document(self) -> dict[str, Any]:
        """For the control endpoint."""
        counts = {"matches": self.matches, "struck": self.struck, "overruled": self.overruled}
        return self.rule.document() | {"counts": counts}


@dataclass(frozen=True, slots=True)
class Strike:
    """Something that went wrong on purpose. at: epoch seconds."""

    rule: str
    match: int
    at: float
    facts: Facts

    def document(self) -> dict[str, Any]:
        return {"rule": self.rule, "match": self.match, "at": self.at, "facts": dict(self.facts)}


@dataclass(frozen=True, slots=True)
class _Force:
    """What is in force; replaced as a whole, so that any thread may change it."""

    seed: int = 0
    tallies: tuple[Tally, ...] = ()
    asked: Mapping[tuple[str, type[Any]], tuple[Tally, ...]] = field(default_factory=dict)


class Faults:
    """The faults of one or more services. `armed` is false while there are no rules."""

    def __init__(self, plan: Plan | None = None, now: Callable[[], float] = time.time) -> None:
        """now: epoch seconds."""
        self._now = now
        self._made = 0
        self._last: deque[Strike] = deque(maxlen=_REMEMBERED)
        self._force = _Force()
        self.armed = False
        self.replace(plan or Plan())

    # -- the services ask

    def strike(self, service: str, kind: type[Kind], /, **facts: str) -> Struck[Kind] | None:
        """The rule of that kind that decides here and now."""
        decides: Struck[Kind] | None = None
        for tally in self._force.asked.get((service, kind), ()):
            struck = tally.meets(self._force.seed, facts)
            if struck and decides:
                tally.overruled += 1
            elif struck:
                decides = struck
                self._note(struck, facts)
        return decides

    def strikes(self, service: str, kind: type[Kind], /, **facts: str) -> list[Struck[Kind]]:
        """Every rule of that kind that strikes: for faults that add up."""
        tallies = self._force.asked.get((service, kind), ())
        found = [tally.meets(self._force.seed, facts) for tally in tallies]
        for struck in found:
            if struck:
                self._note(struck, facts)
        return [struck for struck in found if struck]

    def _note(self, struck: Struck[Any], facts: Facts) -> None:
        rule, words = struck.rule, " ".join(f"{name}={value}" for name, value in facts.items())
        kind = f"{rule.service_name()} {rule.kind_name()}"
        log.info("fault %s (%s) at match %d: %s", struck.name, kind, struck.match, words)
        self._last.append(Strike(struck.name, struck.match, self._now(), facts))

    # -- people and tests change

    @property
    def plan(self) -> Plan:
        """What is in force now."""
        return Plan(self._force.seed, tuple(tally.rule for tally in self._force.tallies))

    @property
    def tallies(self) -> tuple[Tally, ...]:
        """The rules in force, in order, with their counts."""
        return self._force.tallies

    @property
    def last(self) -> tuple[Strike, ...]:
        """The latest hundred strikes, oldest first."""
        return tuple(self._last)

    def tally(self, name: str) -> Tally:
        """Raises UnknownRule."""
        for tally in self._force.tallies:
            if tally.rule.name == name:
                return tally
        raise UnknownRule(name)

    def replace(self, plan: Plan) -> None:
        """From now on this plan and nothing else, counted from the beginning."""
        rules = [named(rule, number) for number, rule in enumerate(plan.rules, 1)]
        self._made = len(rules)
        self._last.clear()
        self._put(plan.seed, [Tally(rule) for rule in rules])

    def add(self, rule: Rule) -> str:
        """Put a rule behind the others, and return its name. Raises NameTaken."""
        self._made += 1
        rule = named(rule, self._made)
        if any(tally.rule.name == rule.name for tally in self._force.tallies):
            raise NameTaken(rule.name)
        self._put(self._force.seed, [*self._force.tallies, Tally(rule)])
        return rule.name

    def remove(self, name: str) -> None:
        """Raises UnknownRule."""
        gone = self.tally(name)
        self._put(self._force.seed, [each for each in self._force.tallies if each is not gone])

    def clear(self) -> None:
        """Everything works again."""
        self._put(self._force.seed, [])

    def _put(self, seed: int, tallies: list[Tally]) -> None:
        asked: dict[tuple[str, type[Any]], tuple[Tally, ...]] = {}
        for tally in tallies:
            for kind in type(tally.rule).__mro__:
                key = (tally.rule.service_name(), kind)
                asked[key] = (*asked.get(key, ()), tally)
        self._force = _Force(seed, tuple(tallies), asked)
        self.armed = bool(tallies)
