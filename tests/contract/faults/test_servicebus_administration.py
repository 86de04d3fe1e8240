"""Administration of Service Bus that goes wrong, through the SDK's own client."""

from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ServiceResponseError

from retrain.local.faults import Faults, Rule, servicebus
from tests.contract.servicebus.admin.asking import SyncAdmin
from tests.contract.servicebus.emulator import Emulator

QUEUES: dict[str, dict[str, Any]] = {"q": {}}


@pytest.fixture(scope="module")
def admin(emulator: Emulator) -> Iterator[SyncAdmin]:
    """It repeats nothing."""
    with SyncAdmin(emulator.connection_string, emulator.server.certificate) as made:
        yield made


def at(entity: str) -> servicebus.OperationWhere:
    return servicebus.OperationWhere(entity=entity, operation="administer")


@pytest.mark.parametrize(
    ("rule", "status"),
    [(servicebus.Throttle, 503), (servicebus.Error, 500)],
    ids=["throttled", "an error"],
)
def test_errors(admin: SyncAdmin, faults: Faults, rule: type[Rule], status: int) -> None:
    name = faults.add(rule(where=at("new")))
    with pytest.raises(HttpResponseError) as caught:
        admin.create_queue("new")
    assert caught.value.status_code == status
    assert faults.tally(name).matches >= 1
    faults.clear()
    assert "new" not in [queue.name for queue in admin.list_queues()]


@pytest.mark.parametrize("effect", ["before", "after"])
def test_a_request_that_is_cut(admin: SyncAdmin, faults: Faults, effect: Any) -> None:
    faults.add(servicebus.Drop(where=at(f"cut-{effect}"), effect=effect, times=9))
    with pytest.raises((ServiceResponseError, HttpResponseError)):
        admin.create_queue(f"cut-{effect}")
    faults.clear()
    made = [queue.name for queue in admin.list_queues()]
    assert (f"cut-{effect}" in made) == (effect == "after")
