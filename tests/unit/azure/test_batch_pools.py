"""Pools of named computes over the real Batch client, and what their formula comes to."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.local.batch.autoscale import Setting, evaluate, parse
from shared.azure.batch_models import pool_id
from shared.azure.batch_pools import BatchPools, formula, shape
from shared.domain.errors import Refused, Transient
from shared.jobs import AmlCompute
from shared.ports.compute import PoolSeen
from tests.factories import NOON
from tests.unit.autoscale.worlds import NOW
from tests.unit.azure.canned import Canned, refusal
from tests.unit.azure.test_batch_compute import NODE

POOL = "/pools/retrain-compute-cpu"


def a_compute(**fields: Any) -> AmlCompute:
    return AmlCompute.model_validate({"name": "CPU", "size": "Standard_D2s_v3", **fields})


def seen(compute: AmlCompute, **fields: Any) -> PoolSeen:
    pool = PoolSeen(
        id=pool_id(compute.key),
        key="",
        run="",
        state="active",
        nodes=0,
        deleting=False,
        created_at=NOON,
        errors=(),
        compute=compute.key,
        made=(shape(compute, NODE), formula(compute)),
    )
    return replace(pool, **fields)


def pools(canned: Canned, endpoint: str = "https://mine.westeurope.batch.azure.com") -> BatchPools:
    return BatchPools(canned.client(), NODE, endpoint)


CREATED, DONE, GOING = (201, None), (200, None), (202, None)
SPOT = a_compute(tier="low_priority")
#: What is there, the service's answers, and what is asked of it.
ENSURED: dict[str, tuple[PoolSeen | None, list[Any], list[str]]] = {
    "nothing": (None, [CREATED], ["POST /pools"]),
    "made meanwhile": (None, [refusal(409, "PoolExists")], ["POST /pools"]),
    "as it should be": (seen(a_compute()), [], []),
    "on its way out": (seen(SPOT, deleting=True), [], []),
    "other numbers": (seen(a_compute(max_instances=9)), [DONE], [f"POST {POOL}/enableautoscale"]),
    "scaled just now": (
        seen(a_compute(max_instances=9)),
        [refusal(409, "TooManyEnableAutoScaleRequests")],
        [f"POST {POOL}/enableautoscale"],
    ),
    "other nodes": (seen(SPOT), [GOING], [f"DELETE {POOL}"]),
    "other nodes, gone": (seen(SPOT), [refusal(404, "PoolNotFound")], [f"DELETE {POOL}"]),
}


@pytest.mark.parametrize(("there", "answers", "asked"), ENSURED.values(), ids=ENSURED)
def test_a_pool_becomes_what_its_compute_says(
    there: PoolSeen | None, answers: list[Any], asked: list[str]
) -> None:
    canned = Canned(*answers)
    pools(canned).ensure(a_compute(), there)
    assert canned.asked == asked


def test_a_hurry_has_it_think_anew() -> None:
    canned = Canned(DONE)
    pools(canned).ensure(a_compute(), seen(a_compute()), hurry=True)
    assert canned.bodies[0]["autoScaleEvaluationInterval"] == "PT05M00S"
    assert canned.bodies[0]["autoScaleFormula"] == formula(a_compute())


def test_what_batch_is_asked_for() -> None:
    canned = Canned(CREATED)
    pools(canned).ensure(a_compute(max_instances=4), None)
    (pool,) = canned.bodies
    assert (pool["id"], pool["vmSize"]) == ("retrain-compute-cpu", "Standard_D2s_v3")
    assert (pool["enableAutoScale"], pool["taskSlotsPerNode"]) == (True, 1)
    assert pool["enableInterNodeCommunication"]
    containers = pool["virtualMachineConfiguration"]["containerConfiguration"]
    assert containers == {"type": "dockerCompatible", "containerImageNames": []}
    assert {"name": "retrain-compute", "value": "cpu"} in pool["metadata"]
    assert "targetDedicatedNodes" not in pool


#: The service's answer, the error, its code and what it says.
REFUSED: dict[str, tuple[tuple[int, Any], type[Exception], str]] = {
    "a quota": (refusal(409, "PoolQuotaReached"), Refused, "may have no more pools"),
    "a size": (
        (400, {**refusal(400, "InvalidPropertyValue")[1],
               "values": [{"key": "PropertyName", "value": "vmSize"}]}),
        Refused,
        "no VM size 'Standard_D2s_v3' here",
    ),
    "its predecessor": (refusal(409, "PoolBeingDeleted"), Transient, "still being deleted"),
    "a wrong key": (refusal(403, "AuthenticationFailed"), Refused, "refused"),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_what_can_not_be_had_is_told_in_a_sentence(
    answer: tuple[int, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        pools(Canned(answer)).ensure(a_compute(), None)


def test_the_region_is_in_the_account_s_address() -> None:
    assert pools(Canned()).region() == "westeurope"
    assert pools(Canned(), "http://127.0.0.1:10100").region() == ""


class Samples:
    """Pending tasks as they were sampled: (seconds ago, count)."""

    def __init__(self, *taken: tuple[float, float]) -> None:
        self.taken = [(NOW - timedelta(seconds=ago), count) for ago, count in sorted(taken)[::-1]]

    def now(self, name: str) -> float | None:
        return 0.0 if name == "$PendingTasks" else None

    def history(self, name: str) -> list[tuple[datetime, float]]:
        return self.taken if name == "$PendingTasks" else []


def target(compute: AmlCompute, *taken: tuple[float, float], extra: int = 0) -> tuple[int, int]:
    """Dedicated and low-priority nodes that the formula asks for."""
    result = evaluate(parse(formula(compute, extra)), Samples(*taken), NOW, Setting(1, 0))
    assert result.error is None, result.error
    assert result.setting.option == "taskcompletion"
    return result.setting.dedicated, result.setting.low_priority


FOUR = a_compute(max_instances=4)
#: The compute, samples of pending tasks, and its nodes.
TARGETS: dict[str, tuple[AmlCompute, list[tuple[float, float]], tuple[int, int]]] = {
    "no samples yet": (FOUR, [], (0, 0)),
    "no samples yet, but a minimum": (a_compute(min_instances=1), [], (1, 0)),
    "no work": (FOUR, [(0, 0), (30, 0)], (0, 0)),
    "work": (FOUR, [(0, 3), (30, 0)], (3, 0)),
    "much work": (FOUR, [(0, 30)], (4, 0)),
    "work a minute ago": (FOUR, [(0, 0), (60, 2), (90, 1)], (2, 0)),
    "work long ago": (FOUR, [(0, 0), (100, 0), (400, 2)], (0, 0)),
    "work in the idle time": (
        a_compute(max_instances=4, idle_time_before_scale_down=600),
        [(0, 0), (400, 2)],
        (2, 0),
    ),
    "cheap nodes": (a_compute(tier="low_priority", max_instances=4), [(0, 2)], (0, 2)),
}


@pytest.mark.parametrize(("compute", "taken", "nodes"), TARGETS.values(), ids=TARGETS)
def test_how_many_nodes_there_are(
    compute: AmlCompute, taken: list[tuple[float, float]], nodes: tuple[int, int]
) -> None:
    assert target(compute, *taken) == nodes


def test_nodes_beyond_one_a_task_are_there_only_while_there_is_work() -> None:
    assert target(FOUR, (0, 1), extra=2) == (3, 0)
    assert target(FOUR, (0, 0), (500, 1), extra=2) == (0, 0)


@given(
    least=st.integers(0, 5),
    more=st.integers(0, 5),
    extra=st.integers(0, 9),
    taken=st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 50))),
)
def test_it_stays_between_its_bounds(
    least: int, more: int, extra: int, taken: list[tuple[int, int]]
) -> None:
    most = max(1, least + more)
    compute = a_compute(min_instances=least, max_instances=most)
    dedicated, low_priority = target(compute, *taken, extra=extra)
    assert least <= dedicated <= most
    assert low_priority == 0
