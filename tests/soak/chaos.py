"""Kills what the plan says when it says so, and starts it again."""

import threading
from collections import Counter
from dataclasses import dataclass, field

from tests.soak.plan import Kill, Plan, Service
from tests.soak.services import Services, now


@dataclass
class Chaos:
    """Runs in a thread of its own. recoveries: seconds from start to answer, by who was killed."""

    plan: Plan
    services: Services
    kills: Counter[str] = field(default_factory=Counter)
    recoveries: list[tuple[str, float]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def start(self, began: float) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(began,), name="chaos")
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def end(self) -> None:
        """Kill no more."""
        self._ended.set()
        self.join()

    def _work(self, began: float) -> None:
        for kill in self.plan.kills:
            if self._ended.wait(max(0.0, began + kill.at - now())):
                return
            try:
                self._strike(kill)
            except Exception as error:  # noqa: BLE001 - it is the soak's finding
                self.problems.append(f"{'+'.join(kill.services)}: {error}")

    def mend(self) -> None:
        """Start what has died though nobody killed it, and say so."""
        for service in self.services.all.values():
            if service.died:
                self.problems.append(f"{service.name} died by itself: {service.last_words()}")
                service.start()
                service.until_ready()

    def _strike(self, kill: Kill) -> None:
        self.mend()
        killed = [self.services.all[name] for name in kill.services]
        for service in killed:
            if kill.child:
                service.kill_child()
            else:
                service.kill()
        name = _called(kill)
        self.kills[name] += 1
        self._ended.wait(kill.down)
        again = now()
        for service in killed:
            if not kill.child:
                service.start()
        for service in killed:
            service.until_ready()
        self.recoveries.append((name, now() - again))


def _called(kill: Kill) -> str:
    if len(kill.services) > 2:
        return "all at once"
    names: list[Service] = [*kill.services]
    return " and ".join(names) + (" (its child)" if kill.child else "")
