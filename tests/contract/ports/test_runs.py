"""Runs: written once, guarded by their ETags, listed without being read."""

from datetime import timedelta

import pytest

from shared.domain.errors import Conflict, NotFound
from shared.domain.keys import run_name
from shared.domain.run import Source
from shared.domain.status import Status
from tests.contract.ports.conftest import Stores
from tests.factories import NOON, RUN, a_job, a_run


@pytest.mark.parametrize("status", Status)
def test_what_is_written_is_read(stores: Stores, status: Status) -> None:
    run = a_run(status)
    assert stores.runs.create(run)
    assert stores.runs.load(RUN).run == run


def test_the_first_record_stands(stores: Stores) -> None:
    stores.runs.create(a_run())
    assert not stores.runs.create(a_run(Status.RUNNING))
    assert stores.runs.load(RUN).run == a_run()


def test_no_such_run(stores: Stores) -> None:
    with pytest.raises(NotFound) as caught:
        stores.runs.load(RUN)
    assert caught.value.code == "RunNotFound"


def test_a_save_needs_the_record_that_was_loaded(stores: Stores) -> None:
    stores.runs.create(a_run())
    stored = stores.runs.load(RUN)
    stores.runs.save(a_run(Status.QUEUED), stored.etag)
    with pytest.raises(Conflict):
        stores.runs.save(a_run(Status.RUNNING), stored.etag)
    assert stores.runs.load(RUN).run.status is Status.QUEUED


def test_each_save_has_another_etag(stores: Stores) -> None:
    stores.runs.create(a_run())
    etags = []
    for _ in range(3):
        stored = stores.runs.load(RUN)
        stores.runs.save(a_run(), stored.etag)
        etags.append(stored.etag)
    assert len({*etags}) == 3


def test_a_record_that_is_not_there_can_not_be_saved(stores: Stores) -> None:
    with pytest.raises(Conflict):
        stores.runs.save(a_run(), '"0x8D0000000000000"')


def test_a_list_is_in_order_and_by_prefix(stores: Stores) -> None:
    names = [run_name("r", NOON + timedelta(days=day)) for day in (2, 0, 1)]
    for name in names:
        stores.runs.create(a_run(name=name))
    assert [run.name for run in stores.runs.list()] == sorted(names)
    assert [run.name for run in stores.runs.list("20260311-")] == [names[2]]
    assert [*stores.runs.list("2027")] == []


def test_a_list_tells_what_the_record_says(stores: Stores) -> None:
    job = a_job(
        display_name="Größe “1”\n" * 50,
        experiment_name="wine & bread = 100 %",
        limits={"timeout": 90},
    )
    source = Source(kind="data", schedule="wine", path="a.csv")
    run = a_run(Status.COMPLETED, job=job, source=source)
    stores.runs.create(run)
    (seen,) = stores.runs.list()
    assert (seen.name, seen.status, seen.attempt) == (RUN, Status.COMPLETED, 1)
    assert (seen.kind, seen.schedule, seen.timeout) == ("data", "wine", 90)
    assert seen.experiment_name == job.experiment_name
    assert str(job.display_name).startswith(seen.display_name[:200])
    assert (seen.created_at, seen.heard_at) == (NOON, NOON)
    assert (seen.started_at, seen.ended_at) == (run.started_at, run.ended_at)


def test_a_list_follows_each_save(stores: Stores) -> None:
    stores.runs.create(a_run())
    stores.runs.save(a_run(Status.RUNNING), stores.runs.load(RUN).etag)
    (seen,) = stores.runs.list()
    assert (seen.status, seen.started_at, seen.ended_at) == (Status.RUNNING, NOON, None)
