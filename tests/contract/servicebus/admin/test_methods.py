"""No method of the SDK's administration clients is without a test."""

import ast
import inspect
from pathlib import Path

import pytest
from azure.servicebus.aio import management as aio
from azure.servicebus.management import ServiceBusAdministrationClient

#: How a client is made and closed, which is asked of every test.
_BY_ITSELF = {"from_connection_string", "close"}


def called() -> set[str]:
    """Methods of `admin` that the tests of this folder speak of; all run with both clients."""
    trees = (ast.parse(path.read_text("utf-8")) for path in Path(__file__).parent.glob("test_*.py"))
    return {
        node.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "admin"
    }


CLIENTS = {
    "sync": ServiceBusAdministrationClient,
    "async": aio.ServiceBusAdministrationClient,
}


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_every_method_is_called(client: type) -> None:
    public = {
        name
        for name, _ in inspect.getmembers(client, inspect.isroutine)
        if not name.startswith("_")
    }
    assert len(public) > 25
    assert public - _BY_ITSELF - called() == set()
