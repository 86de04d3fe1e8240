"""What the account tells about its pools, images and applications."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from azure.batch import BatchClient
from azure.batch import models as batch
from azure.batch.models._models import BatchNodeDeallocateOptions  # the SDK does not export it
from azure.core.exceptions import ResourceNotFoundError

from retrain.local.batch import BatchSettings
from tests.contract.batch.conftest import (
    add_task,
    client_of,
    code_of,
    completed,
    make_job,
    new_pool,
    refusal,
    running,
    until,
    within,
)

DEALLOCATE = BatchNodeDeallocateOptions(node_deallocate_option="requeue")


def test_usage_is_what_nodes_had_and_outlasts_them(tmp_path: Path, environments: Path) -> None:
    settings = BatchSettings(data=tmp_path, environments=environments)
    with running(settings) as server, client_of(settings, server.endpoint) as client:
        client.create_pool(new_pool("p", nodes=2))

        def age(hours: int) -> None:
            """Two hours, for a test that can't wait."""
            long_ago = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
            for node in server.service.account.pool("p").nodes.values():
                node.allocated = long_ago

        within(server, lambda _: age(2))
        early = datetime.now(UTC) - timedelta(hours=4)
        metrics = list(client.list_pool_usage_metrics(start_time=early))
        assert {metric.pool_id for metric in metrics} == {"p"}
        assert {metric.vm_size for metric in metrics} == {"STANDARD_D2S_V3"}
        assert all(m.end_time - m.start_time == timedelta(minutes=30) for m in metrics)
        assert 4 <= len(metrics) <= 6
        # Two nodes of two cores, for two hours.
        assert abs(sum(metric.total_core_hours for metric in metrics) - 8) < 0.1
        last = list(client.list_pool_usage_metrics())
        assert [m.start_time for m in last] == [metrics[-1].start_time]
        of_one = client.list_pool_usage_metrics(start_time=early, filter="poolId eq 'q'")
        assert list(of_one) == []
        client._delete_pool_internal("p")
    with running(settings) as server, client_of(settings, server.endpoint) as client:
        assert list(client.list_pools()) == []
        after = list(client.list_pool_usage_metrics(start_time=early))
        assert len(after) >= len(metrics)
        assert abs(sum(metric.total_core_hours for metric in after) - 8) < 0.1


def test_usage_of_no_time_is_refused(client: BatchClient) -> None:
    now = datetime.now(UTC)
    before = now - timedelta(hours=1)
    error = refusal(lambda: list(client.list_pool_usage_metrics(start_time=now, end_time=before)))
    assert (error.status_code, code_of(error)) == (400, "InvalidQueryParameterValue")


def test_a_deallocated_node_costs_nothing(tmp_path: Path, environments: Path) -> None:
    settings = BatchSettings(data=tmp_path, environments=environments)
    with running(settings) as server, client_of(settings, server.endpoint) as client:
        client.create_pool(new_pool("p"))
        (node,) = client.list_nodes("p")
        client.begin_deallocate_node("p", node.id, DEALLOCATE)
        until(lambda: client.get_node("p", node.id).state == "deallocated")
        (metric,) = client.list_pool_usage_metrics()
        (again,) = client.list_pool_usage_metrics()
        assert metric.total_core_hours == again.total_core_hours


def test_supported_images(client: BatchClient) -> None:
    images = list(client.list_supported_images())
    assert {str(image.os_type) for image in images} <= {"linux", "OSType.LINUX"}
    jammy = [image for image in images if image.node_agent_sku_id == "batch.node.ubuntu 22.04"]
    assert "ubuntu-hpc" in [image.image_reference.offer for image in jammy]
    one = "nodeAgentSKUId eq 'batch.node.debian 12'"
    (debian,) = client.list_supported_images(filter=one)
    assert debian.image_reference.sku == "12"
    assert debian.verification_type == batch.ImageVerificationType.VERIFIED


def test_there_are_no_applications(client: BatchClient) -> None:
    assert list(client.list_applications()) == []
    error = refusal(lambda: client.get_application("blender"))
    assert isinstance(error, ResourceNotFoundError)
    assert code_of(error) == "ApplicationNotFound"


def test_slots_are_filled_as_the_pool_says(client: BatchClient, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    for kind, nodes in (("pack", 1), ("spread", 2)):
        policy = batch.BatchTaskSchedulingPolicy(node_fill_type=kind)
        name = f"fills-{kind}"
        pool = new_pool(name, nodes=2, task_slots_per_node=2, task_scheduling_policy=policy)
        client.create_pool(pool)
        job = make_job(client, pool_info=batch.BatchPoolInfo(pool_id=name))
        for task in ("a", "b"):
            add_task(client, job, f"while ! test -e {flag}; do sleep 0.02; done", task)
        busy = [node.running_tasks_count for node in client.list_nodes(name)]
        assert sorted(count for count in busy if count) == [2 // nodes] * nodes
        flag.touch()
        for task in ("a", "b"):
            completed(client, job, task)
        flag.unlink()
        client._delete_pool_internal(name)


def test_what_a_pool_can_not_have_is_refused(client: BatchClient) -> None:
    nat = batch.BatchInboundNatPool(
        name="ssh",
        protocol=batch.InboundEndpointProtocol.TCP,
        backend_port=22,
        frontend_port_range_start=50000,
        frontend_port_range_end=50100,
    )
    endpoints = batch.BatchPoolEndpointConfiguration(inbound_nat_pools=[nat])
    network = batch.NetworkConfiguration(endpoint_configuration=endpoints)
    error = refusal(lambda: client.create_pool(new_pool("p", network_configuration=network)))
    assert (error.status_code, code_of(error)) == (400, "UnsupportedProperty")
    subnet = batch.NetworkConfiguration(subnet_id="/subscriptions/s/subnets/x")
    client.create_pool(new_pool("in-a-subnet", nodes=0, network_configuration=subnet))
    kept = client.get_pool("in-a-subnet").network_configuration
    assert kept is not None
    assert kept.subnet_id == subnet.subnet_id
    absent = refusal(lambda: client.pool_exists("p"))  # azure-batch 15.1 raises, and says nothing
    assert isinstance(absent, ResourceNotFoundError)
    client._delete_pool_internal("in-a-subnet")
