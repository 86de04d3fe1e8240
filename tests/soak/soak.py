"""One soak, from its plan to its report."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from azure.core.exceptions import AzureError

from tests.flow.local_stack import eventually
from tests.soak import invariants
from tests.soak.chaos import Chaos
from tests.soak.invariants import Stores
from tests.soak.plan import Plan
from tests.soak.report import Report
from tests.soak.services import Services, now
from tests.soak.workload import Workload

#: Processes that were told to end, or whose emulator has, are given so many seconds.
_LAST_LOOK: Final = 15.0


def soaked(plan: Plan, folder: Path, patience: float, calm: float) -> Report:
    """patience: the watch's, in seconds. calm: how long it may take, once nothing goes wrong any
    more, until all is over and gone."""
    services = Services(folder, plan.faults, patience)
    try:
        return _Soak(plan, services).report(calm)
    finally:
        services.kill()


class _Soak:
    def __init__(self, plan: Plan, services: Services) -> None:
        self._plan = plan
        self._services = services
        self._workload = Workload(plan, services)
        self._chaos = Chaos(plan, services)
        self._stores = Stores(services)
        self._seconds: dict[str, float] = {}
        self._dead_letters: list[str] = []

    def report(self, calm: float) -> Report:
        try:
            with self._timed("start"):
                self._services.start()
                self._workload.prepare()
            with self._timed("chaos"):
                self._suffer()
            self._services.calm()
            with self._timed("calm"):
                eventually(lambda: _quiet(self._stores), calm)
            broken = self._looked_up()
        finally:
            self._workload.close()
            self._stores.close()
        with self._timed("stop"):
            codes = self._services.stop()
        bad = [f"{name} ended with {code}" for name, code in codes.items() if code]
        return self._told({**broken, "exit codes": bad, **self._left()})

    def _suffer(self) -> None:
        began = now()
        self._chaos.start(began)
        try:
            self._workload.run(began)
            self._chaos.join()
        finally:
            self._chaos.end()
        self._chaos.mend()

    def _looked_up(self) -> dict[str, list[str]]:
        stores, asked = self._stores, self._workload.asked
        stores.read()
        self._dead_letters = stores.dead_letters()
        return {
            "came not back": self._chaos.problems,
            "lost or doubled": [*invariants.lost_or_doubled(stores, asked)],
            "not over": [*invariants.not_over(stores)],
            "odd ends": [*invariants.odd_ends(stores, asked)],
            "committed twice": [*invariants.committed_twice(stores, asked)],
            "nobody's outputs": [*invariants.outputs_of_nobody(stores)],
            "files that wait": [*invariants.waiting_files(stores)],
            "left over": [*invariants.left_over(stores)],
        }

    def _left(self) -> dict[str, list[str]]:
        def running() -> list[str]:
            return [*invariants.left_running(self._services)]

        eventually(lambda: not running(), _LAST_LOOK)
        return {
            "left running": running(),
            "left on disk": [*invariants.left_on_disk(self._services)],
        }

    def _told(self, broken: dict[str, list[str]]) -> Report:
        runs = self._stores.runs.values()
        return Report(
            seed=self._plan.seed,
            asks=len(self._plan.asks),
            runs=len(runs),
            statuses=Counter(str(run.status) for run in runs),
            attempts=Counter(run.attempt for run in runs),
            problems=Counter(run.problem.code for run in runs if run.problem),
            kinds=Counter(ask.kind for ask in self._plan.asks),
            kills=self._chaos.kills,
            faults=self._services.struck(),
            recoveries=self._chaos.recoveries,
            seconds=self._seconds,
            dead_letters=self._dead_letters,
            broken=broken,
        )

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        began = now()
        yield
        self._seconds[part] = now() - began


def _quiet(stores: Stores) -> bool:
    try:
        left = stores.jobs() or stores.pools() or stores.messages() or stores.nodes()
        return not left and not stores.unfinished()
    except AzureError:
        return False
