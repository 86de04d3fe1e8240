"""Pools that scale themselves: their formula is evaluated when it is given, and at its interval."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch

from retrain.local.batch import BatchSettings
from tests.contract.batch.conftest import (
    MACHINE,
    add_task,
    auto_pool,
    client_of,
    code_of,
    completed,
    make_job,
    new_pool,
    refusal,
    running,
    started,
    until,
)

FIVE_MINUTES = timedelta(minutes=5)
#: As many nodes as there is work, one at least: what a shared pool lives by.
BY_WORK = """
$tasks = max(0, $PendingTasks.GetSample(1));
$TargetDedicatedNodes = min(3, max(1, $tasks));
$NodeDeallocationOption = taskcompletion;
"""


@contextmanager
def fast(data: Path, environments: Path) -> Iterator[BatchClient]:
    """An account where five minutes take half a second."""
    settings = BatchSettings(data=data, environments=environments, speed=600)
    with running(settings) as server, client_of(settings, server.endpoint) as client:
        yield client


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory, environments: Path) -> Iterator[BatchClient]:
    with fast(tmp_path_factory.mktemp("fast"), environments) as client:
        yield client


def scaled(pool_id: str, formula: str, **rest: Any) -> batch.BatchPoolCreateOptions:
    return batch.BatchPoolCreateOptions(
        id=pool_id,
        vm_size="STANDARD_D2S_V3",
        virtual_machine_configuration=MACHINE,
        enable_auto_scale=True,
        auto_scale_formula=formula,
        **{"auto_scale_evaluation_interval": FIVE_MINUTES, **rest},
    )


def size(client: BatchClient, pool: str) -> int | None:
    return client.get_pool(pool).current_dedicated_nodes


def run_of(client: BatchClient, pool: str) -> batch.AutoScaleRun:
    run = client.get_pool(pool).auto_scale_run
    assert run is not None
    return run


def test_a_pool_begins_with_what_its_formula_says(client: BatchClient) -> None:
    formula = "x = 1; $TargetDedicatedNodes = x + 1; $TargetLowPriorityNodes = 1;"
    client.create_pool(scaled("formula", formula, auto_scale_evaluation_interval=None))
    pool = client.get_pool("formula")
    assert (pool.enable_auto_scale, pool.auto_scale_formula) == (True, formula)
    assert pool.auto_scale_evaluation_interval == timedelta(minutes=15)
    assert (pool.target_dedicated_nodes, pool.target_low_priority_nodes) == (2, 1)
    assert (pool.current_dedicated_nodes, pool.current_low_priority_nodes) == (2, 1)
    run = run_of(client, "formula")
    assert (run.results, run.error) == (
        "$TargetDedicatedNodes=2;$TargetLowPriorityNodes=1;$NodeDeallocationOption=requeue;x=1",
        None,
    )
    resize = batch.BatchPoolResizeOptions(target_dedicated_nodes=1)
    refused = refusal(lambda: client._resize_pool_internal("formula", resize))
    assert (refused.status_code, code_of(refused)) == (409, "OperationInvalidForCurrentState")
    client._delete_pool_internal("formula")


def test_a_pool_follows_the_work_and_falls_back_when_idle(
    quick: BatchClient, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    quick.create_pool(scaled("work", BY_WORK))
    assert size(quick, "work") == 1
    job = make_job(quick, pool_info=batch.BatchPoolInfo(pool_id="work"))
    for task in ("a", "b", "c", "d", "e"):
        add_task(quick, job, f"echo go; while ! test -e {flag}; do sleep 0.02; done", task)
    until(lambda: size(quick, "work") == 3)
    started(quick, job, "c")
    flag.touch()
    completed(quick, job, "e")
    until(lambda: size(quick, "work") == 1)
    info = completed(quick, job, "a").execution_info
    assert info is not None
    assert info.requeue_count == 0
    quick._delete_pool_internal("work")


def test_samples_grow_until_the_formula_trusts_them(quick: BatchClient) -> None:
    formula = (
        "percent = $PendingTasks.GetSamplePercent(TimeInterval_Minute * 10);"
        "$TargetDedicatedNodes = percent < 50 ? 1"
        " : avg($PendingTasks.GetSample(TimeInterval_Minute * 10, 50));"
    )
    quick.create_pool(scaled("trust", formula))
    assert size(quick, "trust") == 1
    until(lambda: size(quick, "trust") == 0)
    assert run_of(quick, "trust").error is None
    quick._delete_pool_internal("trust")


def test_a_formula_that_fails_changes_nothing(quick: BatchClient) -> None:
    quick.create_pool(scaled("fails", "$TargetDedicatedNodes = $CPUPercent.GetSample(1, 2)"))
    run = run_of(quick, "fails")
    assert run.error is not None
    assert run.error.code == "AutoScalingFormulaEvaluationError"
    assert run.results == (
        "$TargetDedicatedNodes=0;$TargetLowPriorityNodes=0;$NodeDeallocationOption=requeue"
    )
    until(lambda: run_of(quick, "fails").timestamp > run.timestamp)
    quick._delete_pool_internal("fails")


def enable(formula: str | None = None, minutes: int | None = None) -> Any:
    return batch.BatchPoolEnableAutoScaleOptions(
        auto_scale_formula=formula,
        auto_scale_evaluation_interval=timedelta(minutes=minutes) if minutes else None,
    )


def test_scaling_is_enabled_changed_and_disabled(client: BatchClient) -> None:
    client.create_pool(new_pool("enabled", nodes=2))
    for call in (
        lambda: client.disable_pool_auto_scale("enabled"),
        lambda: client.evaluate_pool_auto_scale(
            "enabled", batch.BatchPoolEvaluateAutoScaleOptions(auto_scale_formula="x = 1")
        ),
    ):
        assert code_of(refusal(call)) == "OperationInvalidForCurrentState"
    none = refusal(lambda: client.enable_pool_auto_scale("enabled", enable(minutes=6)))
    assert (none.status_code, code_of(none)) == (400, "MissingRequiredProperty")
    client.enable_pool_auto_scale("enabled", enable("$TargetDedicatedNodes = 1", 6))
    pool = client.get_pool("enabled")
    assert (pool.enable_auto_scale, pool.current_dedicated_nodes) == (True, 1)
    assert pool.auto_scale_evaluation_interval == timedelta(minutes=6)
    soon = refusal(lambda: client.enable_pool_auto_scale("enabled", enable(minutes=7)))
    assert code_of(soon) == "TooManyEnableAutoScaleRequests"
    client.disable_pool_auto_scale("enabled")
    pool = client.get_pool("enabled")
    assert (pool.enable_auto_scale, pool.auto_scale_formula) == (False, None)
    assert (pool.auto_scale_run, pool.current_dedicated_nodes) == (None, 1)
    client._resize_pool_internal("enabled", batch.BatchPoolResizeOptions(target_dedicated_nodes=0))
    client._delete_pool_internal("enabled")


def test_a_formula_is_tried_out(client: BatchClient) -> None:
    client.create_pool(scaled("tried", "$TargetDedicatedNodes = 1"))

    def tried(formula: str) -> batch.AutoScaleRun:
        options = batch.BatchPoolEvaluateAutoScaleOptions(auto_scale_formula=formula)
        return client.evaluate_pool_auto_scale("tried", options)

    good = tried("$TargetDedicatedNodes = 3; $NodeDeallocationOption = terminate; $x = 2.5")
    assert (good.error, good.results) == (
        None,
        "$TargetDedicatedNodes=3;$TargetLowPriorityNodes=0;$NodeDeallocationOption=terminate;$x=2.5",
    )
    assert size(client, "tried") == 1
    bad = tried("$something_useless")
    assert bad.error is not None
    assert bad.error.code == "AutoScalingFormulaEvaluationError"
    assert bad.error.error_values is not None
    assert bad.error.error_values[0].value == (
        "Line 1, Col 1: Variable $something_useless is not defined"
    )
    few = tried("$TargetDedicatedNodes=$CPUPercent.GetSample(TimeInterval_Minute * 10, 90)")
    assert few.error is not None
    assert few.error.code == "InsufficientSampleData"
    client._delete_pool_internal("tried")


def test_every_variable_of_the_service_is_there(client: BatchClient) -> None:
    names = [
        *("CPUPercent", "WallClockSeconds", "MemoryBytes", "DiskBytes", "DiskReadBytes"),
        *("DiskWriteBytes", "DiskReadOps", "DiskWriteOps", "NetworkInBytes", "NetworkOutBytes"),
        *("SampleNodeCount", "ActiveTasks", "RunningTasks", "PendingTasks", "SucceededTasks"),
        *("FailedTasks", "TaskSlotsPerNode", "CurrentDedicatedNodes"),
        *("CurrentLowPriorityNodes", "PreemptedNodeCount", "UsableNodeCount"),
        *("TargetDedicatedNodes", "TargetLowPriorityNodes"),
    ]
    client.create_pool(scaled("all", "$TargetDedicatedNodes = 2", task_slots_per_node=3))
    job = make_job(client, pool_info=batch.BatchPoolInfo(pool_id="all"))
    add_task(client, job)
    add_task(client, job, "exit 1", "bad")
    completed(client, job)
    completed(client, job, "bad")
    lines = "".join(f"v{name} = ${name};" for name in names)
    options = batch.BatchPoolEvaluateAutoScaleOptions(auto_scale_formula=lines)
    run = client.evaluate_pool_auto_scale("all", options)
    assert run.error is None
    values = dict(line.split("=") for line in (run.results or "").split(";"))
    told = {name: values[f"v{name}"] for name in names if name != "CPUPercent"}
    assert {name: value for name, value in told.items() if value != "0"} == {
        **dict.fromkeys(("CurrentDedicatedNodes", "UsableNodeCount", "SampleNodeCount"), "2"),
        "TargetDedicatedNodes": "2",
        "TaskSlotsPerNode": "3",
        "SucceededTasks": "1",
        "FailedTasks": "1",
    }
    assert 0 <= float(values["vCPUPercent"]) <= 1
    client._delete_pool_internal("all")


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no formula": ({"autoScaleFormula": None}, "MissingRequiredProperty"),
    "a syntax error": ({"autoScaleFormula": "x ="}, "AutoScalingFormulaSyntaxError"),
    "too long": ({"autoScaleFormula": "x = 1;" + " " * 8192}, "AutoScaleFormulaTooLong"),
    "a target too": ({"targetDedicatedNodes": 1}, "InvalidAutoScalingSettings"),
    "a formula without": ({"enableAutoScale": False}, "InvalidAutoScalingSettings"),
    "too often": ({"autoScaleEvaluationInterval": "PT4M"}, "InvalidPropertyValue"),
    "too seldom": ({"autoScaleEvaluationInterval": "P8D"}, "InvalidPropertyValue"),
}


@pytest.mark.parametrize(("wrong", "code"), BAD.values(), ids=BAD)
def test_wrong_settings_are_refused(client: BatchClient, wrong: dict[str, Any], code: str) -> None:
    body = {**scaled("p", "$TargetDedicatedNodes = 1").as_dict(), **wrong}
    error = refusal(lambda: client.create_pool(body))  # type: ignore[arg-type]
    assert (error.status_code, code_of(error)) == (400, code)


def test_an_auto_pool_scales(client: BatchClient) -> None:
    info = auto_pool()
    assert info.auto_pool_specification is not None
    pool = info.auto_pool_specification.pool
    assert pool is not None
    pool.target_dedicated_nodes = None
    pool.enable_auto_scale = True
    pool.auto_scale_formula = "$TargetDedicatedNodes = 2"
    job = make_job(client, pool_info=info)
    add_task(client, job)
    completed(client, job)
    execution = client.get_job(job).execution_info
    assert execution is not None
    assert execution.pool_id is not None
    assert size(client, execution.pool_id) == 2


def test_scaling_goes_on_after_a_restart(tmp_path: Path, environments: Path) -> None:
    with fast(tmp_path, environments) as first:
        first.create_pool(scaled("p", "$TargetDedicatedNodes = $TargetDedicatedNodes + 1"))
        before = run_of(first, "p")
        assert before.results is not None
    with fast(tmp_path, environments) as second:
        pool = second.get_pool("p")
        assert pool.auto_scale_run is not None
        count = pool.current_dedicated_nodes or 0
        assert count >= 1
        until(lambda: (size(second, "p") or 0) > count)
