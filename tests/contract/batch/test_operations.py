"""Every operation of the SDK's client is in the emulator's table, under the SDK's name and path."""

import inspect
import re
from typing import Final

import pytest
from azure.batch import BatchClient
from azure.batch._operations import _operations as generated
from azure.core.rest import HttpRequest

from retrain.local.batch.routes import OPERATIONS, find
from retrain.local.batch.wire import Request

#: No operations of the service: the client's own tools.
TOOLS: Final = {"close", "send_request", "create_tasks"}
#: The client's long-running forms poll the operation of the same name.
POLLING: Final = "begin_"


def operations() -> list[str]:
    """What the client's user can ask the service for, by the SDK's names."""
    found = inspect.getmembers(BatchClient, inspect.isfunction)
    names = {name.removeprefix(POLLING) for name, _ in found if not name.startswith("_")}
    return sorted(names - TOOLS)


def request_of(name: str) -> HttpRequest:
    """The request the SDK makes for it, with `x` for each part of the path."""
    build = getattr(generated, f"build_batch_{name}_request", None)
    build = build or getattr(generated, f"build_batch_{name}_internal_request")
    parameters = inspect.signature(build).parameters.values()
    needed = {each.name for each in parameters if each.default is each.empty} - {"kwargs"}
    arguments = dict.fromkeys(needed, "x")
    if "content_type" in inspect.getsource(build):
        arguments["content_type"] = "application/json"
    made: HttpRequest = build(**arguments)
    return made


@pytest.mark.parametrize("name", operations())
def test_an_operation_is_answered(name: str) -> None:
    asked = request_of(name)
    path = re.sub(r"\?.*", "", asked.url)
    request = Request(method=asked.method, raw_path=path, query_text="", headers={}, query={})
    found, _ = find(request)
    assert found == name


def test_the_table_has_nothing_the_sdk_has_not() -> None:
    assert {name for name, *_ in OPERATIONS} <= set(operations())
