"""What the soak's invariants must find: each of these worlds is broken in one place."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.domain.run import Moment, Problem, Run, Source
from shared.domain.status import Status
from tests.factories import RUN, a_run, after
from tests.soak.invariants import Stores, lost_or_doubled, not_over, odd_ends
from tests.soak.plan import Ask, Kind
from tests.soak.workload import Asked

OTHER = f"{RUN[:-1]}f"
FILE = Source(kind="data", schedule="soak-files", path="files/1.csv", paths=("files/1.csv",))


def stores(*runs: Run) -> Stores:
    return cast(Stores, SimpleNamespace(runs={run.name: run for run in runs}))


def asked(kind: Kind = "no-op", *names: str, **fields: Any) -> Asked:
    return Asked(Ask(1, 0.0, kind), list(names), **fields)


def landed(kind: Kind, uploads: int, distinct: int) -> Asked:
    return asked(kind, path="files/1.csv", uploads=uploads, distinct=distinct)


DONE = a_run(Status.COMPLETED)
AGAIN = replace(DONE, name=OTHER)
FROM_FILE = replace(DONE, source=FILE)
HELD: dict[str, tuple[tuple[Run, ...], Asked]] = {
    "one request, one run": ((DONE,), asked("no-op", RUN)),
    "sent twice": ((DONE,), asked("twice", RUN, RUN)),
    "one file": ((FROM_FILE,), landed("file", 1, 1)),
    "a file whose upload was not answered": (
        (FROM_FILE, replace(FROM_FILE, name=OTHER)),
        landed("file", 2, 1),
    ),
    "a file that was replaced in time": ((FROM_FILE,), landed("file twice", 2, 2)),
}
BROKEN: dict[str, tuple[tuple[Run, ...], Asked, str]] = {
    "lost": ((), asked("no-op", RUN), "is lost"),
    "two runs for a key": ((DONE, AGAIN), asked("twice", RUN, OTHER), "one key, the runs"),
    "asked for by nobody": ((DONE, AGAIN), asked("no-op", RUN), "asked for by nobody"),
    "a file without a run": ((), landed("file", 1, 1), "has 0 runs"),
    "a file twice": (
        (FROM_FILE, replace(FROM_FILE, name=OTHER)),
        landed("file", 1, 1),
        "has 2 runs",
    ),
    "a file of nobody": ((FROM_FILE,), asked("no-op"), "which nobody made"),
    "refused": ((DONE,), asked("no-op", RUN, refusals=["400 No"]), "400 No"),
}


@pytest.mark.parametrize(("runs", "one"), HELD.values(), ids=HELD)
def test_what_is_well(runs: tuple[Run, ...], one: Asked) -> None:
    assert [*lost_or_doubled(stores(*runs), [one])] == []


@pytest.mark.parametrize(("runs", "one", "found"), BROKEN.values(), ids=BROKEN)
def test_what_is_lost_or_doubled(runs: tuple[Run, ...], one: Asked, found: str) -> None:
    (sentence,) = lost_or_doubled(stores(*runs), [one])
    assert found in sentence


def _backwards(run: Run) -> Run:
    return replace(run, timeline=(*run.timeline[:-1], Moment(run.status, after(-60))))


def _skipping(run: Run) -> Run:
    return replace(run, timeline=(run.timeline[0], run.timeline[-1]))


ODD: dict[str, tuple[Run, str]] = {
    "not over": (a_run(Status.RUNNING), "stays Running"),
    "not along the table": (_skipping(DONE), "went from NotStarted to Completed"),
    "back in time": (_backwards(DONE), "back in time"),
    "two truths": (replace(DONE, status=Status.FAILED), "is Failed"),
}


@pytest.mark.parametrize(("run", "found"), ODD.values(), ids=ODD)
def test_how_a_run_must_not_have_gone(run: Run, found: str) -> None:
    assert [*not_over(stores(DONE))] == []
    (sentence,) = not_over(stores(run))
    assert found in sentence


ENDS: dict[str, tuple[Kind, Callable[[Run], Run]]] = {
    "a failing script that completed": ("failing", lambda run: run),
    "canceled by nobody": ("no-op", lambda run: replace(run, status=Status.CANCELED)),
    "failed by itself": (
        "no-op",
        lambda run: replace(run, status=Status.FAILED, problem=Problem("ScriptFailed", "3")),
    ),
}


@pytest.mark.parametrize(("kind", "change"), ENDS.values(), ids=ENDS)
def test_how_a_run_must_not_end(kind: Kind, change: Callable[[Run], Run]) -> None:
    assert [*odd_ends(stores(DONE), [asked("no-op", RUN)])] == []
    (sentence,) = odd_ends(stores(change(DONE)), [asked(kind, RUN)])
    assert RUN in sentence
