"""What can befall a call of a port: the process dies around it, it fails, it stalls.

Whatever was stored stays stored. A Crash is no Exception, so nothing of the product can catch it.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, TypeVar, cast

from shared.domain.errors import Transient
from shared.ports.world import Ports

_Port = TypeVar("_Port")


class Crash(BaseException):
    """The process is gone, with all it had in memory."""


@dataclass
class Faults:
    """Rates of faults for each call, 0..1. `stall` lets the rest of the world go on meanwhile."""

    random: Random
    crash: float = 0.01
    fail: float = 0.02
    stall: float = 0.01
    while_stalled: Callable[[], None] = lambda: None
    calls: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    on: bool = field(default=True)

    def go_down(self, down: bool) -> None:
        """An outage: of ten calls nine fail, longer than a message is tried."""
        self.fail = 0.9 if down else 0.02

    def around(self, ports: Ports) -> Ports:
        """The same world, behind faults."""
        names = [
            name for name in Ports.__dataclass_fields__ if name not in ("now", "url", "limits")
        ]
        faulty: dict[str, Any] = {
            name: _Faulty.of(getattr(ports, name), name, self) for name in names
        }
        return replace(ports, **faulty)

    def strike(self, moment: str, name: str) -> None:
        """Before or after the call `port.method`, perhaps."""
        if not self.on:
            return
        luck = self.random.random()
        self.struck[name] += luck < self.crash + self.fail + self.stall
        if luck < self.crash:
            raise Crash(moment)
        if luck < self.crash + self.fail:
            raise Transient(f"The service timed out {moment}.")
        if luck < self.crash + self.fail + self.stall:
            self.while_stalled()


@dataclass
class _Faulty:
    """A port whose every call may be struck."""

    port: Any
    called: str
    faults: Faults

    @classmethod
    def of(cls, port: _Port, called: str, faults: Faults) -> _Port:
        return cast(_Port, cls(port, called, faults))

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.port, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self.faults.calls += 1
            self.faults.strike(f"before {name}", f"{self.called}.{name}")
            answer = method(*args, **kwargs)
            self.faults.strike(f"after {name}", f"{self.called}.{name}")
            return answer

        return call
