"""What can befall a call of a port: the process dies around it, it fails, it stalls.

Whatever was stored stays stored. A Crash is no Exception, so nothing of the product can catch it.
When a step begins, it is decided at which of its calls something happens, and what.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypeVar, cast

from shared.domain.errors import Conflict, Transient
from shared.ports.world import Ports
from tests.simulation.luck import Luck

_Port = TypeVar("_Port")

#: Calls of ten that go wrong, and how: the process dies, the call takes no effect, or did, or half.
RATE: Final = 0.05
_KINDS: Final = (
    *("dies before",) * 2,
    *("dies after",) * 3,
    *("times out before",) * 3,
    *("times out after",) * 3,
    *("is throttled",) * 2,
    *("loses a race to itself",) * 2,
)
_MOST: Final = 3  # of one step
_NEVER: Final = 1 << 30
_PAUSES: Final = ("stalls before", "stalls after")
#: Steps of which one call stalls, and among how many of the first ones; a tick makes many.
STALLS: Final = 0.06
_FIRST: Final = 6
_FIRST_OF_A_TICK: Final = 24
#: Seconds that a call may take, when it takes too long: below a message's lock, and far above.
_STALL: Final = (5.0, 150.0)


class Crash(BaseException):
    """The process is gone, with all it had in memory."""


@dataclass(slots=True)
class Strike:
    """What is to happen at the call of that number."""

    call: int
    kind: str
    name: str


@dataclass(slots=True)
class Step:
    """One invocation of a door. due: the number of the next call at which something happens."""

    label: str
    calls: int = 0
    due: int = _NEVER
    strikes: list[Strike] = field(default_factory=list)
    struck: int = 0
    pause: Callable[[float], None] | None = None

    @property
    def pauses(self) -> bool:
        """Whether it may stall."""
        return any(strike.kind in _PAUSES for strike in self.strikes)


@dataclass
class Faults:
    """rate: of calls at which something happens.  down: ports in an outage, 9 of 10 calls fail.

    calls: of all.  struck: how often, by `port.method`.
    """

    luck: Luck
    rate: float = RATE
    stalls: float = STALLS
    down: frozenset[str] = frozenset()
    calls: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    step: Step = field(default_factory=lambda: Step("nothing"))

    def begin(self, label: str, *, tick: bool = False) -> Step:
        """A step, with what will befall it."""
        step = self.step = Step(label)
        luck = self.luck
        if luck.calm or not self.rate:
            return step
        at = 0
        *shares, stalls, when, how = luck.shares(label, 2 * _MOST + 3)
        for gap, kind in zip(shares[::2], shares[1::2], strict=True):
            at += 1 + int(math.log(1 - gap) * self._per_call)
            self._plan(step, at, _KINDS[int(kind * len(_KINDS))])
        if stalls < self.stalls:
            first = 1 + int(when * (_FIRST_OF_A_TICK if tick else _FIRST))
            self._plan(step, first, _PAUSES[int(how * 2)])
            step.strikes.sort(key=lambda strike: strike.call)
        step.due = 0 if self.down else _next(step)
        return step

    @property
    def _per_call(self) -> float:
        return 1 / math.log(1 - self.rate)

    def _plan(self, step: Step, call: int, kind: str) -> None:
        name = f"{step.label}: call {call} {kind}"
        if self.luck.allows(name):
            step.strikes.append(Strike(call, kind, name))

    def around(self, ports: Ports, now: Callable[[], datetime] | None = None) -> Ports:
        """The same world, behind faults; now: a process's own clock."""
        names = [
            name for name in Ports.__dataclass_fields__ if name not in ("now", "url", "limits")
        ]
        faulty: dict[str, Any] = {
            name: _Faulty.of(getattr(ports, name), name, self) for name in names
        }
        return replace(ports, **faulty, now=now or ports.now)

    def befall(
        self, step: Step, port: str, method: str, does: "_Call", arguments: "_Arguments"
    ) -> Any:
        """A call at which something may happen. does: the call, and half of it if it has halves."""
        if not step.strikes or step.calls < step.strikes[0].call or self.luck.calm:
            return self._outage(step, port, method, does, arguments)
        strike = step.strikes.pop(0)
        step.due = 0 if self.down else _next(step)
        if not self.luck.take(strike.name):
            return does.whole(arguments)
        self.struck[f"{port}.{method}"] += 1
        step.struck += 1
        return self._strike(step, strike, f"{port}.{method}", does, arguments)

    def _outage(
        self, step: Step, port: str, method: str, does: "_Call", arguments: "_Arguments"
    ) -> Any:
        if not self.down:
            step.due = _next(step)
        if port in self.down and self.luck.share(f"{step.label}: outage {step.calls}") < 0.9:
            self.struck[f"{port}.{method}"] += 1
            step.struck += 1
            raise Transient(f"{port} is down.", code="ServerBusy")
        return does.whole(arguments)

    def _strike(
        self, step: Step, strike: Strike, name: str, does: "_Call", arguments: "_Arguments"
    ) -> Any:
        match strike.kind:
            case "dies before":
                raise Crash(f"before {name}")
            case "times out before":
                raise Transient(f"{name} timed out and took no effect.")
            case "is throttled":
                raise Transient(f"{name} was throttled.", code="TooManyRequests")
            case "stalls before":
                self._pause(step, strike)
                return does.whole(arguments)
            case _:
                return self._strike_after(step, strike, name, does, arguments)

    def _strike_after(
        self, step: Step, strike: Strike, name: str, does: "_Call", arguments: "_Arguments"
    ) -> Any:
        if does.half is not None and self.luck.share(f"{strike.name} halfway") < 0.5:
            answer: Any = does.half(*arguments[0], **arguments[1])
            name = f"half of {name}"
        else:
            answer = does.whole(arguments)
        match strike.kind:
            case "dies after":
                raise Crash(f"after {name}")
            case "times out after":
                raise Transient(f"{name} timed out and took effect.")
            case "stalls after":
                self._pause(step, strike)
                return does.whole(arguments) if name.startswith("half") else answer
            case _:
                return _beaten(name, answer)

    def _pause(self, step: Step, strike: Strike) -> None:
        assert step.pause is not None, "a step that may stall is run so that it can"
        step.pause(self.luck.between(f"{strike.name} for", *_STALL))


_Arguments = tuple[tuple[Any, ...], Mapping[str, Any]]


@dataclass(slots=True)
class _Call:
    """A method, and what it leaves when it is cut off in its middle."""

    does: Callable[..., Any]
    half: Callable[..., Any] | None

    def whole(self, arguments: _Arguments) -> Any:
        return self.does(*arguments[0], **arguments[1])


def _next(step: Step) -> int:
    return step.strikes[0].call if step.strikes else _NEVER


def _beaten(name: str, answer: Any) -> Any:
    """What the SDK's own second try meets when the first, which it had given up, took effect."""
    match name:
        case "runs.create":
            return False
        case "runs.save" | "registry.save":
            raise Conflict(name)
        case "registry.delete":
            return False
        case _ if name.startswith("half"):
            raise Transient(f"{name}: the rest timed out.")
        case _:
            return answer


class _Faulty:
    """A port whose every call may be struck."""

    def __init__(self, port: Any, called: str, faults: Faults) -> None:
        self._port, self._called, self._faults = port, called, faults

    @classmethod
    def of(cls, port: _Port, called: str, faults: Faults) -> _Port:
        return cast(_Port, cls(port, called, faults))

    def __getattr__(self, name: str) -> Any:
        method, called, faults = getattr(self._port, name), self._called, self._faults
        does = _Call(method, getattr(self._port, f"half_{name}", None))

        def call(*args: Any, **kwargs: Any) -> Any:
            faults.calls += 1
            step = faults.step
            step.calls += 1
            if step.calls < step.due:
                return method(*args, **kwargs)
            return faults.befall(step, called, name, does, (args, kwargs))

        setattr(self, name, call)
        return call
