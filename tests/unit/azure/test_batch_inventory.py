"""What exists in Azure Batch, by its answers: why jobs ended, and why nodes are lost."""

from typing import Any, Final

import pytest

from shared.azure.batch_inventory import BatchInventory
from tests.unit.azure.canned import Canned, refusal

JOB: Final = {
    "id": "retrain-20260710-100000000-0a1b2c3d-1",
    "state": "completed",
    "creationTime": "2026-07-10T10:00:00Z",
}
POOL: Final = {
    "id": "retrain-pool",
    "state": "active",
    "creationTime": "2026-07-10T10:00:00Z",
    "currentDedicatedNodes": 1,
}
NONE: Final = dict.fromkeys(
    (
        *("creating", "idle", "offline", "preempted", "rebooting", "reimaging", "running"),
        *("starting", "startTaskFailed", "leavingPool", "unknown", "unusable"),
        *("waitingForStartTask", "upgradingOS", "deallocated", "deallocating", "total"),
    ),
    0,
)


def listed(*values: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return 200, {"value": list(values)}


ENDS = {
    "its time was over": ({"terminateReason": "MaxWallClockTimeExpiry"}, None),
    "no pool for it": (
        {
            "schedulingError": {
                "category": "usererror",
                "code": "AutoPoolCreationFailedWithQuotaReached",
                "message": "No.",
            }
        },
        ("AutoPoolCreationFailedWithQuotaReached", "The Batch account may have no more pools."),
    ),
    "something nobody has met": (
        {"schedulingError": {"category": "servererror", "code": "Nova", "message": "It shone."}},
        ("Nova", "Azure Batch could not place the run: It shone."),
    ),
    "nothing told": (None, None),
}


@pytest.mark.parametrize(("info", "problem"), ENDS.values(), ids=ENDS)
def test_why_a_job_ended(info: dict[str, Any] | None, problem: tuple[str, str] | None) -> None:
    job = JOB | ({"executionInfo": {"startTime": "2026-07-10T10:00:00Z", **info}} if info else {})
    (seen,) = BatchInventory(Canned(listed(job)).client()).attempts()
    assert seen.reason == (info or {}).get("terminateReason", "")
    assert (seen.problem and (seen.problem.code, seen.problem.message)) == problem


def pools(**counts: int) -> list[tuple[int, dict[str, Any]]]:
    counted = {"poolId": POOL["id"], "dedicated": NONE | counts, "lowPriority": NONE}
    return [listed(POOL), listed(counted)]


def test_a_lost_node_says_why() -> None:
    error = {"code": "DiskFull", "message": "There is no room."}
    node = {"id": "n", "state": "unusable", "errors": [error]}
    canned = Canned(*pools(unusable=1), listed(node))
    (seen,) = BatchInventory(canned.client()).pools()
    assert canned.asked[-1] == "GET /pools/retrain-pool/nodes"
    assert seen.lost_why is not None
    assert seen.lost_why.code == "NodeLost"
    assert seen.lost_why.message.endswith("no other one for it: DiskFull: There is no room.")


def test_a_pool_that_went_meanwhile_says_nothing() -> None:
    canned = Canned(*pools(unusable=1), refusal(404, "PoolNotFound"))
    (seen,) = BatchInventory(canned.client()).pools()
    assert seen.lost_why is None


def test_of_healthy_and_of_preempted_nodes_nothing_is_asked() -> None:
    canned = Canned(*pools(running=1, preempted=1))
    (seen,) = BatchInventory(canned.client()).pools()
    assert seen.lost_why is None
    assert canned.asked == ["GET /pools", "GET /nodecounts"]
