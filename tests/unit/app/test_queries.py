"""What users ask: pages of runs, a run as it stands, and what it left."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.app.orders import order_for
from shared.app.queries import Page
from shared.domain.errors import NotFound
from shared.domain.keys import run_name
from shared.domain.run import Source
from shared.domain.status import Status
from shared.ports.files import OUTPUTS
from tests.factories import NOON, RUN, a_job, a_run, after
from tests.simulation.twins.attempts import Fate
from tests.simulation.twins.world import Twins


def with_runs(count: int) -> tuple[Twins, list[str]]:
    """Runs that are completed and failed by turns, oldest first."""
    twins = Twins()
    names = [run_name("r", NOON + timedelta(minutes=number)) for number in range(count)]
    for number, name in enumerate(names):
        status = Status.FAILED if number % 2 else Status.COMPLETED
        job = a_job(experiment_name="wine" if number < 3 else "beer")
        twins.runs.create(a_run(status, name=name, job=job))
    return twins, names


def page(
    twins: Twins,
    limit: int = 50,
    before: str | None = None,
    statuses: tuple[Status, ...] = (),
    experiment: str | None = None,
    schedule: str | None = None,
) -> Page:
    return twins.product().queries.page(
        statuses=statuses, experiment=experiment, limit=limit, before=before, schedule=schedule
    )


def names_of(page: Page) -> list[str]:
    return [run.name for run in page.runs]


def test_pages_go_from_the_newest_to_the_oldest() -> None:
    twins, names = with_runs(5)
    seen: list[str] = []
    before = None
    for size in (2, 2, 1):
        part = page(twins, 2, before)
        assert len(part.runs) == size
        seen += names_of(part)
        before = part.next
    assert before is None
    assert seen == names[::-1]


def test_a_last_page_that_is_full_has_no_next() -> None:
    twins, _ = with_runs(4)
    assert page(twins, 4).next is None


def test_filters_go_before_the_limit() -> None:
    twins, names = with_runs(6)
    assert names_of(page(twins, 2, statuses=(Status.FAILED,))) == [names[5], names[3]]
    assert names_of(page(twins, 2, experiment="wine")) == [names[2], names[1]]
    both = page(twins, 9, statuses=(Status.FAILED, Status.COMPLETED), experiment="beer")
    assert names_of(both) == [names[5], names[4], names[3]]
    assert names_of(page(twins, experiment="tea")) == []
    assert page(twins, 2, experiment="wine").total == 3
    assert page(twins, 2, before=names[3]).total == 3


def test_a_schedule_s_runs_are_found_by_it() -> None:
    twins, _ = with_runs(2)
    mine = replace(a_run(Status.QUEUED), source=Source(kind="cron", schedule="nightly"))
    twins.runs.create(mine)
    found = page(twins, 5, schedule="nightly")
    assert (names_of(found), found.total) == ([mine.name], 1)


def test_an_active_attempt_is_looked_up() -> None:
    twins = Twins()
    run = a_run(Status.PROVISIONING)
    twins.runs.create(run)
    twins.compute.fate_of = lambda key: Fate(running=99)
    twins.compute.provision(order_for(run))
    twins.clock.pass_by(5)
    shown = twins.product().queries.show(RUN)
    assert (shown.status, shown.started_at) == (Status.RUNNING, after(2))
    assert twins.runs.load(RUN).run == run  # nothing is written


def test_one_that_is_being_canceled_too() -> None:
    twins = Twins()
    run = a_run(Status.CANCEL_REQUESTED)
    twins.runs.create(run)
    twins.compute.provision(order_for(run))
    twins.clock.pass_by(5)
    shown = twins.product().queries.show(RUN)
    assert (shown.status, shown.started_at) == (Status.CANCEL_REQUESTED, after(2))


def test_what_was_seen_is_not_unseen() -> None:
    twins = Twins()
    twins.runs.create(a_run(Status.RUNNING))
    twins.compute.provision(order_for(a_run(Status.RUNNING)))
    assert twins.product().queries.show(RUN).status is Status.RUNNING


def test_outputs_are_the_last_attempts_without_the_marker() -> None:
    twins = Twins()
    twins.runs.create(a_run(Status.COMPLETED, attempt=2))
    left = ("1/outputs/old", "2/outputs/model.pkl", "2/stdout.txt", "2/ended", "2/outputs/ended")
    for path in left:
        twins.files.write(OUTPUTS, f"{RUN}/{path}", b"x")
    found = [file.path for file in twins.product().queries.outputs(RUN)]
    assert found == ["outputs/ended", "outputs/model.pkl", "stdout.txt"]
    assert "/2/stdout.txt?" in twins.product().queries.output_link(RUN, "stdout.txt")
    with pytest.raises(NotFound):
        twins.product().queries.output_link(RUN, "outputs/old")


def test_an_attempt_that_batch_does_not_know_is_shown_as_recorded() -> None:
    twins = Twins()
    twins.runs.create(a_run(Status.RUNNING))
    assert twins.product().queries.show(RUN) == a_run(Status.RUNNING)


def test_a_run_that_is_over_is_not_looked_up() -> None:
    twins = Twins()
    twins.runs.create(a_run(Status.COMPLETED))
    twins.product().queries.show(RUN)
    assert twins.compute.calls == 0


def test_compute_is_what_exists_now() -> None:
    twins = Twins()
    assert twins.product().queries.compute_now() == ([], [])
    twins.compute.provision(order_for(a_run(Status.PROVISIONING)))
    attempts, pools = twins.product().queries.compute_now()
    assert ([seen.run for seen in attempts], [seen.run for seen in pools]) == ([RUN], [RUN])
