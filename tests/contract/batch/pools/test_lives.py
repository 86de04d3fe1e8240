"""`kill -9` at any moment: pools and nodes are as they were; and a store of an older version."""

from pathlib import Path

from azure.batch import BatchClient
from azure.batch import models as batch
from azure.batch.models._models import (  # the SDK does not export them
    BatchNodeDeallocateOptions,
    BatchNodeDisableSchedulingOptions,
)

from retrain.local.batch import BatchSettings
from retrain.local.batch.store import Store
from tests.contract.batch.conftest import (
    MACHINE,
    add_task,
    client_of,
    completed,
    make_job,
    new_pool,
    node_in,
    running,
    until,
)
from tests.contract.batch.test_restart import life


def test_nodes_and_formulas_outlive_a_kill(tmp_path: Path, environments: Path) -> None:
    data = tmp_path / "data"
    with life(data, environments) as first:
        client = first.client
        client.create_pool(new_pool("p", nodes=2))
        off, dear = sorted(node.id for node in client.list_nodes("p"))
        disable = BatchNodeDisableSchedulingOptions(node_disable_scheduling_option="requeue")
        client.disable_node_scheduling("p", off, disable)
        option = BatchNodeDeallocateOptions(node_deallocate_option="requeue")
        client._deallocate_node_internal("p", dear, option)
        node_in(client, "p", "deallocated")
        client.create_pool(new_pool("scaled", nodes=0))
        formula = batch.BatchPoolEnableAutoScaleOptions(auto_scale_formula="x = 1")
        client.enable_pool_auto_scale("scaled", formula)
        run = client.get_pool("scaled").auto_scale_run
        first.kill()
    with life(data, environments) as second:
        client = second.client
        states = {node.id: node.state for node in client.list_nodes("p")}
        assert states == {off: "offline", dear: "deallocated"}
        assert client.get_pool("scaled").auto_scale_run == run
        assert client.get_pool("scaled").enable_auto_scale
        client.enable_node_scheduling("p", off)
        job = make_job(client, pool_info=batch.BatchPoolInfo(pool_id="p"))
        add_task(client, job)
        completed(client, job)


def test_a_start_task_begins_again_after_a_kill(tmp_path: Path, environments: Path) -> None:
    data, flag = tmp_path / "data", tmp_path / "flag"
    script = f"echo boot >> ../../shared/boots; test -e {flag} || sleep 300"
    task = batch.BatchStartTask(command_line=f"/bin/sh -c '{script}'", wait_for_success=True)

    def boots(client: BatchClient) -> int:
        (node,) = client.list_nodes("p")
        files = [file.name for file in client.list_node_files("p", node.id, recursive=True)]
        if "shared/boots" not in files:
            return 0
        return b"".join(client.download_node_file("p", node.id, "shared/boots")).count(b"\n")

    with life(data, environments) as first:
        first.client.create_pool(new_pool("p", start_task=task))
        job = make_job(first.client, pool_info=batch.BatchPoolInfo(pool_id="p"))
        add_task(first.client, job)
        until(lambda: boots(first.client) == 1)
        first.kill()
    flag.touch()
    with life(data, environments) as second:
        completed(second.client, job)
        assert boots(second.client) == 2


def test_a_store_of_before_nodes_had_lives(tmp_path: Path, environments: Path) -> None:
    settings = BatchSettings(data=tmp_path, environments=environments)
    stamp = "2026-11-01T10:00:00.000000Z"
    store = Store(tmp_path / "batch.sqlite")
    store.put(
        "pool",
        "old",
        {
            "id": "old",
            "number": 1,
            "state": "active",
            "created": stamp,
            "etag": "0x1",
            "modified": stamp,
            "state_since": stamp,
            "previous": None,
            "previous_since": None,
            "made": 2,
            "allocation": "steady",
            "allocation_since": stamp,
            "auto": False,
            "spec": {
                "id": "old",
                "vmSize": "STANDARD_D2S_V3",
                "targetDedicatedNodes": 1,
                "targetLowPriorityNodes": 1,
                "virtualMachineConfiguration": MACHINE.as_dict(),
            },
            "nodes": [[0, True], [1, False]],
        },
    )
    store.close()
    with running(settings) as server, client_of(settings, server.endpoint) as client:
        pool = client.get_pool("old")
        assert (pool.current_dedicated_nodes, pool.current_low_priority_nodes) == (1, 1)
        assert [node.state for node in client.list_nodes("old")] == ["idle", "idle"]
        job = make_job(client, pool_info=batch.BatchPoolInfo(pool_id="old"))
        add_task(client, job)
        completed(client, job)
