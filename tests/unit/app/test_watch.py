"""The safety net, case by case: what it sees, and what it tells or takes down."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.app.orders import DEFAULT_TIMEOUT, order_for
from shared.app.watch import DAYS, GRACE, LOOKS, NODE_DUE, OVERRUN_GRACE, PATIENCE
from shared.domain.events import Nudged, Requested
from shared.domain.keys import run_name
from shared.domain.run import Problem
from shared.domain.status import Status
from shared.ports.compute import Report
from tests.factories import NOON, RUN, a_job, a_run, building, retrying
from tests.simulation.twins.attempts import Fate
from tests.simulation.twins.world import Twins
from tests.unit.app.watch_world import a_world, provisioning, tick, told

S = Status


RUNS = timedelta(seconds=3)
LATE = GRACE + timedelta(seconds=1)
LONG = PATIENCE + timedelta(seconds=1)
OVERDUE = NODE_DUE + timedelta(seconds=1)
BRIEF = a_job(limits={"timeout": 60})
SLOW = Fate(provisioning=9000)
TAKEN = Fate(provisioning=300, preparing=1, ending="preempted")
TAKEN_SHORTLY = Fate(provisioning=1, preparing=1, running=99, ending="preempted")
UNPREPARED = Fate(preparing=3600)

#: The world, when the watch comes, and what it tells the run.
SEEN: dict[str, tuple[Callable[[], Twins], timedelta, list[tuple[str, ...]]]] = {
    "job never made": (
        lambda: a_world(provisioning()),
        LATE,
        [("ended", "infrastructure", "ComputeLost")],
    ),
    "job not made yet": (lambda: a_world(provisioning()), GRACE, []),
    "job deleted by somebody": (
        lambda: a_world(a_run(S.RUNNING), fate=Fate(ending="vanishes")),
        LATE,
        [("ended", "infrastructure", "ComputeLost")],
    ),
    "ended, marker lost": (
        lambda: a_world(provisioning(), fate=Fate()),
        timedelta(seconds=9),
        [("ended", "none")],
    ),
    "failed, marker lost": (
        lambda: a_world(provisioning(), fate=Fate(cause="script")),
        timedelta(seconds=9),
        [("ended", "script", "Script")],
    ),
    "no node to be had": (
        lambda: a_world(provisioning(), fate=Fate(ending="never allocated")),
        timedelta(seconds=9),
        [("ended", "infrastructure", "AllocationFailed")],
    ),
    "its only node lost": (
        lambda: a_world(a_run(S.RUNNING), fate=Fate(ending="node lost")),
        timedelta(seconds=9),
        [("ended", "infrastructure", "NodeLost")],
    ),
    "its node taken away": (
        lambda: a_world(a_run(S.RUNNING), fate=TAKEN),
        timedelta(seconds=302),
        [("moved", "Provisioning")],
    ),
    "its node taken away, known": (
        lambda: a_world(a_run(S.PROVISIONING, requeues=1), fate=TAKEN),
        timedelta(seconds=302),
        [],
    ),
    "runs on another node": (
        lambda: a_world(a_run(S.PROVISIONING, requeues=1), fate=TAKEN_SHORTLY),
        timedelta(seconds=6),
        [("moved", "Running")],
    ),
    "no node for too long": (
        lambda: a_world(provisioning(), fate=SLOW),
        OVERDUE,
        [("ended", "infrastructure", "NoNode")],
    ),
    "no other node for too long": (
        lambda: a_world(provisioning(), fate=replace(SLOW, provisioning=3000, ending="preempted")),
        OVERDUE,
        [("ended", "infrastructure", "NoNode")],
    ),
    "a node, just in time": (
        lambda: a_world(provisioning(), fate=SLOW),
        NODE_DUE,
        [],
    ),
    "not ready for too long": (
        lambda: a_world(a_run(S.PREPARING), fate=replace(UNPREPARED, preparing=9000)),
        OVERDUE,
        [("ended", "infrastructure", "NodeNotReady")],
    ),
    "wish to cancel unheard": (
        lambda: a_world(a_run(S.RUNNING, cancel_asked_at=NOON), fate=Fate(running=999)),
        LATE,
        [("cancel_asked",)],
    ),
    "wish to cancel unheard, not started": (
        lambda: a_world(a_run(cancel_asked_at=NOON)),
        LATE,
        [("cancel_asked",), ("requested",)],
    ),
    "wish to cancel on its way": (
        lambda: a_world(a_run(S.RUNNING, cancel_asked_at=NOON), fate=Fate(running=999)),
        GRACE,
        [],
    ),
    "wish to cancel heard": (
        lambda: a_world(a_run(S.CANCEL_REQUESTED, cancel_asked_at=NOON)),
        LATE,
        [("nudged",)],
    ),
    "job expired, its task never started": (
        lambda: a_world(provisioning(), fate=Fate(ending="job expires")),
        timedelta(seconds=9),
        [("ended", "infrastructure", "ComputeEnded")],
    ),
    "node prepares": (
        lambda: a_world(provisioning(), fate=UNPREPARED),
        RUNS,
        [("moved", "Preparing")],
    ),
    "node prepares, known": (
        lambda: a_world(a_run(S.PREPARING), fate=UNPREPARED),
        RUNS,
        [],
    ),
    "script runs": (
        lambda: a_world(provisioning(), fate=Fate(running=99)),
        RUNS,
        [("moved", "Running")],
    ),
    "script runs, known": (lambda: a_world(a_run(S.RUNNING), fate=Fate(running=99)), RUNS, []),
    "script runs for a day": (
        lambda: a_world(a_run(S.RUNNING), fate=Fate(running=10**6)),
        DEFAULT_TIMEOUT + OVERRUN_GRACE,
        [],
    ),
    "script runs for longer than that": (
        lambda: a_world(a_run(S.RUNNING), fate=Fate(running=10**6)),
        DEFAULT_TIMEOUT + OVERRUN_GRACE + timedelta(seconds=1),
        [("ended", "timeout", "Timeout")],
    ),
    "script runs beyond its own timeout": (
        lambda: a_world(a_run(S.RUNNING, job=BRIEF), fate=Fate(running=10**6)),
        OVERRUN_GRACE + timedelta(seconds=61),
        [("ended", "timeout", "Timeout")],
    ),
    "beyond its timeout, and over": (
        lambda: a_world(a_run(S.RUNNING, job=BRIEF), fate=Fate(running=60)),
        OVERRUN_GRACE + timedelta(seconds=65),
        [("ended", "none")],
    ),
    "slow to come": (lambda: a_world(provisioning(), fate=SLOW), LATE, []),
    "not started": (lambda: a_world(a_run()), LATE, [("requested",)]),
    "not started yet": (lambda: a_world(a_run()), GRACE, []),
    "forgotten in the queue": (lambda: a_world(retrying()), LONG, [("nudged",)]),
    "waiting in the queue": (lambda: a_world(retrying()), PATIENCE, []),
    "forgotten while built": (lambda: a_world(building()), LONG, [("nudged",)]),
    "being built": (lambda: a_world(building()), PATIENCE, []),
    "forgotten while it leaves": (lambda: a_world(a_run(S.FINALIZING)), LATE, [("nudged",)]),
    "forgotten when cancelled": (lambda: a_world(a_run(S.CANCEL_REQUESTED)), LATE, [("nudged",)]),
    "leaving": (lambda: a_world(a_run(S.FINALIZING)), GRACE, []),
    **{
        str(status): (lambda status=status: a_world(a_run(status)), LONG, [])  # type: ignore[misc]
        for status in (S.COMPLETED, S.FAILED, S.CANCELED)
    },
}


@pytest.mark.parametrize(("world", "after", "tells"), SEEN.values(), ids=SEEN)
def test_what_it_tells(
    world: Callable[[], Twins], after: timedelta, tells: list[tuple[str, ...]]
) -> None:
    twins = world()
    tick(twins, after)
    assert told(twins) == tells


QUOTA = Problem("PoolQuotaReached", "No more pools.")
#: Why Batch ended a job whose script had not begun, and what the run is told.
ENDED = {
    "its time was over": ("MaxWallClockTimeExpiry", None, "ComputeExpired"),
    "somebody did it": ("UserTerminate", None, "ComputeEnded"),
    "Batch could do nothing for it": ("", QUOTA, "PoolQuotaReached"),
}


@pytest.mark.parametrize(("reason", "problem", "code"), ENDED.values(), ids=ENDED)
def test_a_job_that_ended_early_says_why(reason: str, problem: Problem | None, code: str) -> None:
    twins = a_world(provisioning(), fate=Fate(ending="job expires"))
    attempts = twins.compute.attempts
    twins.compute.attempts = lambda: [  # type: ignore[method-assign]
        replace(seen, reason=reason, problem=problem) for seen in attempts()
    ]
    tick(twins, timedelta(seconds=9))
    assert told(twins) == [("ended", "infrastructure", code)]


WHY = {
    "nothing told": (None, "infrastructure", "NodeLost"),
    "the node's own": (Problem("NodeLost", "It burnt."), "infrastructure", "NodeLost"),
    "the image": (
        Problem("ContainerInvalidImage", "No."),
        "configuration",
        "ContainerInvalidImage",
    ),
}


@pytest.mark.parametrize(("why", "cause", "code"), WHY.values(), ids=WHY)
def test_a_lost_node_says_why(why: Problem | None, cause: str, code: str) -> None:
    """What is wrong with the image is wrong on the next node too."""
    twins = a_world(provisioning(), fate=Fate(running=99))
    pools = twins.compute.pools
    twins.compute.pools = lambda: [  # type: ignore[method-assign]
        replace(pool, lost=1, running=0, preparing=0, lost_why=why) for pool in pools()
    ]
    tick(twins, RUNS)
    assert told(twins) == [("ended", cause, code)]


def test_a_node_with_nothing_to_do_is_looked_at_without_patience() -> None:
    """It could not unpack the code, so the run's script will never start."""
    twins = a_world(a_run(S.PREPARING), fate=UNPREPARED)
    pools, looks = twins.compute.pools, list[str]()
    twins.compute.pools = lambda: [  # type: ignore[method-assign]
        replace(pool, idle=1, preparing=1, running=0) for pool in pools()
    ]
    report = twins.compute.report

    def look(key: str) -> Report | None:
        looks.append(key)
        return report(key)

    twins.compute.report = look  # type: ignore[method-assign]
    tick(twins, RUNS)
    assert looks == [f"{RUN}-1"]


def test_two_instances_at_once_tell_it_once() -> None:
    twins = a_world(provisioning())
    tick(twins)
    tick(twins, timedelta(0))
    assert len(told(twins)) == 1


def test_a_later_tick_tells_it_again_as_the_first_may_be_lost() -> None:
    twins = a_world(a_run(S.FINALIZING))
    tick(twins)
    tick(twins, timedelta(minutes=1))
    assert [type(event) for event in twins.bus.events()] == [Nudged, Nudged]
    assert len({event.id for event in twins.bus.events()}) == 2


def test_not_started_is_asked_for_under_another_id() -> None:
    twins = a_world(a_run())
    tick(twins)
    (event,) = twins.bus.events()
    assert isinstance(event, Requested)
    assert event.id != f"{RUN}-requested"


@pytest.mark.parametrize("active", [1, 1_000])
def test_the_number_of_calls_does_not_grow_with_the_runs(active: int) -> None:
    at = [NOON + timedelta(seconds=number) for number in range(active)]
    runs = [a_run(S.RUNNING, name=run_name("r", when)) for when in at]
    twins = a_world(*runs, fate=Fate(running=10**6))
    before = twins.compute.calls
    tick(twins, timedelta(hours=2))
    assert (twins.compute.calls - before, twins.runs.lists) == (2, 2)
    assert told(twins) == []


def test_attempts_that_do_not_come_to_life_are_looked_at_in_turn() -> None:
    at = [NOON + timedelta(seconds=number) for number in range(2 * LOOKS)]
    runs = [a_run(S.PREPARING, name=run_name("r", when)) for when in at]
    twins = a_world(*runs, fate=Fate(provisioning=1, preparing=10**5))
    tick(twins, timedelta(minutes=10))
    assert twins.compute.reports.total() == LOOKS
    tick(twins, timedelta(minutes=1))
    assert len(twins.compute.reports) == 2 * LOOKS


@pytest.mark.parametrize("compute", [None, "cpu"])
def test_those_that_wait_for_a_node_are_not_looked_at_one_by_one(compute: str | None) -> None:
    """Their pools tell all that there is to know, until a node of their own is overdue."""
    job = a_job(compute=compute and f"azureml:{compute}")
    at = [NOON + timedelta(seconds=number) for number in range(20)]
    runs = [a_run(S.PROVISIONING, name=run_name("r", when), job=job) for when in at]
    twins = Twins()
    twins.product().computes.create({"name": "cpu", "type": "amlcompute"})
    twins.compute.fate_of = lambda key: SLOW
    for run in runs:
        twins.runs.create(run)
        twins.compute.provision(order_for(run))
    tick(twins, timedelta(minutes=10))
    assert twins.compute.reports.total() == 0
    tick(twins, NODE_DUE)
    assert (twins.compute.reports.total() > 0) == (compute is None)


def test_a_run_older_than_the_days_it_lists_is_found_by_its_job() -> None:
    twins = a_world(provisioning(), fate=Fate())
    tick(twins, timedelta(days=DAYS + 3))
    assert told(twins) == [("ended", "none")]
