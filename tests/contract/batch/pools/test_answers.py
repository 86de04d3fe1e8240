"""Answers about pools and nodes in trouble, read through the SDK's models by reflection."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch

from retrain.local.batch import BatchServer
from tests.contract.batch.conftest import new_pool, node_in, until, within
from tests.contract.batch.test_models import flaws


@pytest.fixture(scope="module")
def pool(server: BatchServer, client: BatchClient) -> Iterator[str]:
    """One with a failed start task on two nodes, and errors on one of them."""
    task = batch.BatchStartTask(command_line="/bin/false", max_task_retry_count=1)
    client.create_pool(new_pool("troubled", nodes=2, start_task=task))
    until(lambda: all(n.state == "starttaskfailed" for n in client.list_nodes("troubled")))
    (first, _) = [node.id for node in client.list_nodes("troubled")]
    within(server, lambda s: s.fleet.mark_unusable(s.account.node("troubled", first)))
    node_in(client, "troubled", "unusable")
    yield "troubled"
    client._delete_pool_internal("troubled")


def test_nodes_in_trouble_have_no_flaw(client: BatchClient, pool: str) -> None:
    nodes = list(client.list_nodes(pool))
    assert {node.state for node in nodes} == {"unusable", "starttaskfailed"}
    assert [flaw for node in nodes for flaw in flaws(node, "node")] == []
    started = [node for node in nodes if node.state == "starttaskfailed"]
    assert started[0].start_task_info is not None
    assert started[0].start_task_info.last_retry_time is not None


def test_a_pool_in_trouble_has_no_flaw(server: BatchServer, client: BatchClient, pool: str) -> None:
    error = {"code": "AllocationFailed", "message": "m", "values": [{"name": "a", "value": "b"}]}
    within(server, lambda service: service.account.pool(pool).errors.append(error))
    formula = batch.BatchPoolEnableAutoScaleOptions(auto_scale_formula="$x")
    client.enable_pool_auto_scale(pool, formula)
    found = client.get_pool(pool, expand=["stats"])
    assert list(flaws(found, "pool")) == []
    assert found.auto_scale_run is not None
    assert found.auto_scale_run.error is not None
    assert [each.code for each in found.resize_errors or ()] == ["AllocationFailed"]
    statistics = found.pool_statistics
    assert statistics is not None
    assert statistics.usage_statistics is not None
    assert statistics.usage_statistics.dedicated_core_time > timedelta()
    assert next(iter(client.list_pools(expand=["stats"]))).pool_statistics is not None
    tried = batch.BatchPoolEvaluateAutoScaleOptions(auto_scale_formula="$x")
    assert list(flaws(client.evaluate_pool_auto_scale(pool, tried), "run")) == []


def test_answers_about_the_account_have_no_flaw(client: BatchClient, pool: str) -> None:
    since = datetime.now(UTC) - timedelta(hours=3)
    for found in (
        list(client.list_supported_images()),
        list(client.list_pool_usage_metrics(start_time=since)),
        list(client.list_pool_node_counts()),
    ):
        assert found
        assert [flaw for model in found for flaw in flaws(model, "answer")] == []
