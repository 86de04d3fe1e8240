"""Job schedules with a clock of the test's own: nobody waits for a minute to pass."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from retrain.local.batch import BatchServer, BatchSettings
from retrain.local.batch.clock import Clock
from tests.contract.batch.conftest import (
    add_task,
    auto_pool,
    client_of,
    code_of,
    completed,
    delete_job,
    gone,
    in_state,
    make_job,
    read,
    refusal,
    running,
    until,
)

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
POOL = batch.BatchPoolInfo(pool_id="none")


@dataclass(slots=True)
class World:
    """An emulator, its client, and its clock."""

    client: BatchClient
    server: BatchServer
    clock: "Moved"

    def pass_time(self, minutes: float) -> None:
        self.clock.moment += timedelta(minutes=minutes)
        self.server.wake()

    def jobs(self, schedule: str) -> list[batch.BatchJob]:
        return list(self.client.list_jobs_from_schedule(schedule))

    def ids(self, schedule: str) -> list[str]:
        return [job.id for job in self.jobs(schedule)]

    def create(self, schedule: str, times: dict[str, Any], **spec: Any) -> None:
        spec.setdefault("pool_info", POOL)
        self.client.create_job_schedule(
            batch.BatchJobScheduleCreateOptions(
                id=schedule,
                schedule=batch.BatchJobScheduleConfiguration(**times),
                job_specification=batch.BatchJobSpecification(**spec),
            )
        )

    def info(self, schedule: str) -> batch.BatchJobScheduleExecutionInfo:
        return self.client.get_job_schedule(schedule).execution_info

    def reach(self, schedule: str, state: str) -> batch.BatchJobSchedule:
        def ask() -> batch.BatchJobSchedule | None:
            found = self.client.get_job_schedule(schedule)
            return found if found.state == state else None

        return until(ask)


class Moved(Clock):
    """Stands still until the test moves it."""

    def __init__(self) -> None:
        super().__init__()
        self.moment = NOON

    def now(self) -> datetime:
        return self.moment


@contextmanager
def world_of(data: Path, environments: Path, clock: Moved) -> Iterator[World]:
    settings = BatchSettings(data=data, environments=environments)
    with running(settings, clock=clock) as server, client_of(settings, server.endpoint) as client:
        yield World(client, server, clock)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, environments: Path) -> Iterator[World]:
    with world_of(tmp_path_factory.mktemp("schedules"), environments, Moved()) as world:
        yield world


def end(world: World, job: str) -> None:
    reason: Any = {"terminateReason": "done"}
    world.client._terminate_job_internal(job, reason)
    in_state(world.client, job, "completed")


HOURLY = {"recurrence_interval": timedelta(hours=1)}


def test_one_job_after_the_other(world: World) -> None:
    world.create("hourly", HOURLY, priority=7)
    (first,) = world.jobs("hourly")
    assert (first.id, first.priority) == ("hourly:job-1", 7)
    assert world.client.get_job("hourly:job-1").url == first.url
    start = world.clock.now()
    info = world.info("hourly")
    assert info.recent_job is not None
    assert (info.recent_job.id, info.recent_job.url) == (first.id, first.url)
    assert info.next_run_time == start + timedelta(hours=1)
    world.pass_time(61)
    assert world.ids("hourly") == ["hourly:job-1"]  # the first one still runs
    end(world, "hourly:job-1")
    until(lambda: world.ids("hourly") == ["hourly:job-1", "hourly:job-2"])
    assert world.info("hourly").next_run_time == start + timedelta(hours=2)
    world.client._terminate_job_schedule_internal("hourly")
    ended = world.reach("hourly", "completed")
    assert ended.execution_info.end_time == world.clock.now()
    assert ended.execution_info.next_run_time is None
    job = in_state(world.client, "hourly:job-2", "completed").execution_info
    assert job is not None
    assert job.termination_reason == "TerminateJobSchedule"
    codes = {code_of(refusal(call)) for call in changes_of(world.client, "hourly")}
    assert codes == {"JobScheduleCompleted"}


def changes_of(client: BatchClient, schedule: str) -> list[Callable[[], Any]]:
    return [
        lambda: client.disable_job_schedule(schedule),
        lambda: client.enable_job_schedule(schedule),
        lambda: client._terminate_job_schedule_internal(schedule),
        lambda: client.update_job_schedule(schedule, batch.BatchJobScheduleUpdateOptions()),
    ]


def test_a_missed_window_is_lost(world: World) -> None:
    world.create("narrow", {**HOURLY, "start_window": timedelta(minutes=5)})
    start = world.clock.now()
    world.pass_time(66)
    end(world, "narrow:job-1")
    until(lambda: world.info("narrow").next_run_time == start + timedelta(hours=2))
    assert world.ids("narrow") == ["narrow:job-1"]
    world.pass_time(56)
    until(lambda: len(world.ids("narrow")) == 2)


def test_without_recurrence_there_is_one_job(world: World) -> None:
    world.create("once", {"do_not_run_until": world.clock.now() + timedelta(minutes=30)})
    assert world.jobs("once") == []
    world.pass_time(30)
    until(lambda: world.ids("once") == ["once:job-1"])
    assert world.client.get_job_schedule("once").state == "active"
    end(world, "once:job-1")
    world.reach("once", "completed")


def test_no_job_after_the_end(world: World) -> None:
    world.create("ends", {**HOURLY, "do_not_run_after": world.clock.now() + timedelta(minutes=90)})
    world.pass_time(91)
    assert world.client.get_job_schedule("ends").state == "active"  # its job is
    end(world, "ends:job-1")
    world.reach("ends", "completed")
    assert world.ids("ends") == ["ends:job-1"]


def test_a_disabled_schedule_makes_nothing(world: World) -> None:
    world.create("sleeps", {"do_not_run_until": world.clock.now() + timedelta(minutes=1), **HOURLY})
    world.client.disable_job_schedule("sleeps")
    again = refusal(lambda: world.client.disable_job_schedule("sleeps"))
    assert code_of(again) == "JobScheduleDisabled"
    world.pass_time(2)
    found = world.client.get_job_schedule("sleeps")
    assert (found.state, found.previous_state) == ("disabled", "active")
    assert world.jobs("sleeps") == []
    world.client.enable_job_schedule("sleeps")
    assert world.ids("sleeps") == ["sleeps:job-1"]


def test_changes_are_for_jobs_to_come(world: World) -> None:
    world.create("changes", HOURLY, priority=1)
    before = world.client.get_job_schedule("changes")
    change = batch.BatchJobScheduleUpdateOptions(
        schedule=batch.BatchJobScheduleConfiguration(recurrence_interval=timedelta(hours=2)),
        job_specification=batch.BatchJobSpecification(pool_info=POOL, priority=2),
    )
    same: dict[str, Any] = {"etag": before.etag, "match_condition": MatchConditions.IfNotModified}
    world.client.update_job_schedule("changes", change, **same)
    with pytest.raises(HttpResponseError) as caught:
        world.client.update_job_schedule("changes", change, **same)
    assert caught.value.status_code == 412
    start = before.execution_info.next_run_time
    assert start is not None
    assert world.info("changes").next_run_time == start + timedelta(hours=1)
    assert world.client.get_job("changes:job-1").priority == 1
    end(world, "changes:job-1")
    world.pass_time(120)
    until(lambda: world.ids("changes")[1:] == ["changes:job-2"])
    assert world.client.get_job("changes:job-2").priority == 2
    whole = world.client.get_job_schedule("changes")
    whole.job_specification.priority = 3
    world.client.replace_job_schedule("changes", whole)
    assert world.client.get_job_schedule("changes").job_specification.priority == 3


def test_deletion_takes_its_jobs_along(world: World) -> None:
    world.create("leaves", HOURLY, pool_info=auto_pool())
    add_task(world.client, "leaves:job-1", "pwd; sleep 300")
    until(lambda: b"/leaves/job-1/t/wd" in (read_or_nothing(world, "leaves:job-1")))
    world.client._delete_job_schedule_internal("leaves")
    gone(world.client, "leaves:job-1")
    until(lambda: not exists(world, "leaves"))
    assert not list(world.server.settings.data.rglob("leaves"))


def exists(world: World, schedule: str) -> bool:
    """The client means to return False, but its own policy raises on every 404."""
    try:
        return world.client.job_schedule_exists(schedule)
    except ResourceNotFoundError:
        return False


def read_or_nothing(world: World, job: str) -> bytes:
    try:
        return read(world.client, job, "stdout.txt")
    except HttpResponseError:
        return b""


def lifelong(**rest: Any) -> batch.BatchPoolInfo:
    info = auto_pool(**rest)
    assert info.auto_pool_specification is not None
    info.auto_pool_specification.pool_lifetime_option = batch.BatchPoolLifetimeOption.JOB_SCHEDULE
    return info


def test_a_pool_can_live_as_long_as_its_schedule(world: World) -> None:
    world.create("pooled", HOURLY, pool_info=lifelong())
    add_task(world.client, "pooled:job-1")
    completed(world.client, "pooled:job-1")
    end(world, "pooled:job-1")
    world.pass_time(60)
    until(lambda: len(world.ids("pooled")) == 2)
    first, second = (job.execution_info for job in world.jobs("pooled"))
    assert first is not None
    assert second is not None
    assert first.pool_id == second.pool_id
    world.client._terminate_job_schedule_internal("pooled")
    world.reach("pooled", "completed")
    assert first.pool_id not in [pool.id for pool in world.client.list_pools()]


def test_a_job_can_be_deleted_by_itself(world: World) -> None:
    world.create("thinned", HOURLY)
    delete_job(world.client, "thinned:job-1")
    gone(world.client, "thinned:job-1")
    world.pass_time(60)
    until(lambda: world.ids("thinned") == ["thinned:job-2"])


def test_existing_and_unknown(world: World) -> None:
    world.create("taken", HOURLY)
    job = make_job(world.client, pool_info=POOL)
    taken = {
        "JobScheduleExists": lambda: world.create("TAKEN", HOURLY),
        "JobWithSameIdExists": lambda: world.create(job, HOURLY),
        "JobScheduleWithSameIdExists": lambda: make_job(world.client, "taken", pool_info=POOL),
    }
    for code, call in taken.items():
        error = refusal(call)
        assert isinstance(error, ResourceExistsError)
        assert code_of(error) == code
    assert world.client.job_schedule_exists("taken")
    assert not exists(world, "nowhere")
    calls = [
        *changes_of(world.client, "nowhere"),
        lambda: world.client.get_job_schedule("nowhere"),
        lambda: world.client._delete_job_schedule_internal("nowhere"),
        lambda: world.jobs("nowhere"),
    ]
    for call in calls:
        error = refusal(call)
        assert isinstance(error, ResourceNotFoundError)
        assert code_of(error) == "JobScheduleNotFound"


def test_lists_are_filtered(world: World) -> None:
    world.create("listed-a", HOURLY)
    world.create("listed-b", HOURLY)
    world.client.disable_job_schedule("listed-b")
    chosen = "startswith(id, 'listed') and state eq 'disabled'"
    found = list(world.client.list_job_schedules(filter=chosen, select=["id", "state"]))
    assert [each.as_dict() for each in found] == [{"id": "listed-b", "state": "disabled"}]


TIMES: dict[str, dict[str, Any]] = {
    "an interval under a minute": {"recurrence_interval": timedelta(seconds=59)},
    "a window under a minute": {"start_window": timedelta(seconds=59)},
    "an end before the start": {"do_not_run_until": NOON, "do_not_run_after": NOON},
}


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
def test_wrong_times(world: World, times: dict[str, Any]) -> None:
    error = refusal(lambda: world.create("wrong", times))
    assert (error.status_code, code_of(error)) == (400, "InvalidPropertyValue")


def test_a_lifelong_pool_needs_a_schedule(world: World) -> None:
    error = refusal(lambda: make_job(world.client, pool_info=lifelong()))
    assert (error.status_code, code_of(error)) == (400, "InvalidPropertyValue")


def test_schedules_survive(tmp_path: Path, environments: Path) -> None:
    clock = Moved()
    with world_of(tmp_path, environments, clock) as world:
        world.create("kept", {**HOURLY, "start_window": timedelta(minutes=10)})
        world.create("ending", HOURLY)
        world.client._terminate_job_schedule_internal("ending")
    clock.moment += timedelta(minutes=125)
    with world_of(tmp_path, environments, clock) as world:
        assert world.ids("kept") == ["kept:job-1"]
        world.reach("ending", "completed")
        end(world, "kept:job-1")
        until(lambda: world.ids("kept") == ["kept:job-1", "kept:job-2"])
        assert world.info("kept").next_run_time == NOON + timedelta(hours=3)
