"""A log by offset, from the node while it runs and from Blob Storage afterwards."""

import pytest

from shared.app.orders import order_for
from shared.domain.errors import NotFound
from shared.domain.status import Status
from shared.ports.files import OUTPUTS
from tests.factories import RUN, a_run
from tests.simulation.twins.world import Twins

LOG = b"epoch 1\nepoch 2\n"


def a_world(status: Status) -> Twins:
    twins = Twins()
    twins.runs.create(a_run(status))
    return twins


def read(twins: Twins, offset: int, limit: int = 100) -> tuple[bytes, int, bool]:
    chunk = twins.product().logs.read(RUN, "stdout.txt", offset, limit)
    return chunk.content, chunk.next_offset, chunk.complete


def test_nothing_before_there_is_compute() -> None:
    assert read(a_world(Status.NOT_STARTED), 0) == (b"", 0, False)


def test_a_live_log_from_the_node() -> None:
    twins = a_world(Status.RUNNING)
    twins.compute.provision(order_for(a_run(Status.RUNNING)))
    assert read(twins, 0) == (b"", 0, False)  # no file yet
    twins.clock.pass_by(3)
    twins.compute.logs[f"{RUN}-1", "stdout.txt"] = LOG
    assert read(twins, 0, 8) == (b"epoch 1\n", 8, False)
    assert read(twins, 8) == (b"epoch 2\n", 16, False)
    assert read(twins, 16) == (b"", 16, False)


def test_what_is_kept_goes_before_what_is_live() -> None:
    twins = a_world(Status.FINALIZING)
    twins.files.write(OUTPUTS, f"{RUN}/1/stdout.txt", LOG)
    assert read(twins, 8) == (b"epoch 2\n", 16, False)


def test_the_whole_of_a_run_that_is_over() -> None:
    twins = a_world(Status.COMPLETED)
    twins.files.write(OUTPUTS, f"{RUN}/1/stdout.txt", LOG)
    assert read(twins, 0, 8) == (b"epoch 1\n", 8, False)
    assert read(twins, 8) == (b"epoch 2\n", 16, True)
    assert read(twins, 99) == (b"", 99, True)


def test_a_run_that_left_no_log_is_complete() -> None:
    assert read(a_world(Status.CANCELED), 0) == (b"", 0, True)
    assert read(a_world(Status.FAILED), 0) == (b"", 0, True)


def test_no_such_run() -> None:
    with pytest.raises(NotFound):
        read(Twins(), 0)
