"""The app as the Functions worker meets it: which functions there are, and what they cost."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from azure.functions import DataType

import functions
import shared

ROOT: Final = Path(__file__).parents[2]
TRAINING: Final = ("numpy", "pandas", "sklearn", "torch", "scipy", "tensorflow", "xgboost")

_LOOK: Final = f"""
import json, sys
import function_app
found = [
    [function.get_function_name(), function.get_bindings_dict()["bindings"]]
    for function in function_app.app.get_functions()
]
loaded = [name for name in {TRAINING!r} if name in sys.modules]
places = [sys.modules[name].__file__ for name in ("shared", "functions")]
found = {{"functions": found, "loaded": loaded, "places": places}}
print(json.dumps(found, default=lambda one: one.value))
"""


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """What a fresh process sees of the app."""
    done = subprocess.run(
        [sys.executable, "-c", _LOOK], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def triggers(seen: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        name: next(one for one in bindings if one["type"].lower().endswith("trigger"))
        for name, bindings in seen["functions"]
    }


def test_these_are_the_doors_and_no_others(seen: dict[str, Any]) -> None:
    """A blueprint that nobody registers vanishes without a word."""
    assert {name: one["type"] for name, one in triggers(seen).items()} == {
        "web": "httpTrigger",
        "health": "httpTrigger",
        "mlflow": "httpTrigger",
        "schedules_due": "timerTrigger",
        "watch": "timerTrigger",
        "training_requested": "serviceBusTrigger",
        "run_event": "serviceBusTrigger",
        "data_landed": "blobTrigger",
        "task_ended": "blobTrigger",
    }


def test_these_need_no_key(seen: dict[str, Any]) -> None:
    levels = {name: one.get("authLevel") for name, one in triggers(seen).items()}
    assert {name: str(level).lower() for name, level in levels.items() if level} == {
        "web": "function",
        "health": "anonymous",
        "mlflow": "anonymous",  # and asks for a token of its own
    }


def test_all_are_found_before_the_route_that_takes_everything(seen: dict[str, Any]) -> None:
    """Routes are tried in the order of the functions' names."""
    routes = {name: one["route"] for name, one in triggers(seen).items() if "route" in one}
    assert max(routes) == "web"
    assert routes["health"] == "api/health"
    assert not any(route.startswith(("admin", "runtime")) for route in routes.values())
    host = json.loads((ROOT / "host.json").read_text())
    assert host["version"] == "2.0"
    assert host["extensions"]["http"]["routePrefix"] == ""


def test_bindings_have_names_that_the_host_takes(seen: dict[str, Any]) -> None:
    names = [one["name"] for _, bindings in seen["functions"] for one in bindings]
    assert [
        name for name in names if not re.fullmatch(r"\$return|[A-Za-z][A-Za-z0-9]*", name)
    ] == []


def test_messages_come_as_bytes_and_events_in_sessions(seen: dict[str, Any]) -> None:
    queues = {one["queueName"]: one for one in triggers(seen).values() if "queueName" in one}
    assert queues.keys() == {"training-requests", "run-events"}
    assert {one["dataType"] for one in queues.values()} == {DataType.BINARY.value}
    assert queues["run-events"]["isSessionsEnabled"] is True
    assert not queues["training-requests"].get("isSessionsEnabled")


def test_blobs_are_told_of_and_not_looked_for(seen: dict[str, Any]) -> None:
    blobs = {one["path"]: one for one in triggers(seen).values() if "path" in one}
    assert blobs.keys() == {"data/{name}", "outputs/{run}/{attempt}/ended"}
    assert {str(one["source"]) for one in blobs.values()} == {"EventGrid"}


def test_no_training_library_comes_with_the_app(seen: dict[str, Any]) -> None:
    assert seen["loaded"] == []
    pinned = (ROOT / "requirements.txt").read_text().lower()
    assert [name for name in (*TRAINING, "scikit-learn") if f"\n{name}==" in pinned] == []


def test_our_packages_are_the_ones_of_this_tree(seen: dict[str, Any]) -> None:
    """`shared` and `functions` are names that anybody's package could have."""
    places = [Path(place).resolve().parent for place in seen["places"]]
    assert places == [ROOT / "shared", ROOT / "functions"]
    assert Path(str(shared.__file__)).parent == ROOT / "shared"
    assert Path(str(functions.__file__)).parent == ROOT / "functions"
