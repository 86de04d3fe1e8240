"""Queues, settings, containers, doors and phrases stand once, or agree where they stand twice."""

import json
import re
from dataclasses import fields
from functools import cache
from typing import Any, Final

import function_app
from shared.ports.files import CONTAINERS
from shared.settings import Settings
from tests.infra.bicep import INFRA, ROOT, read, walk
from tests.infra.capacity import capacity, costs

APP: Final = read(INFRA / "modules" / "app.bicep")
MAIN: Final = read(INFRA / "main.bicep")
HOST: Final = json.loads((ROOT / "host.json").read_text())
QUEUES: Final = json.loads((ROOT / "retrain" / "local" / "queues.json").read_text())
#: What only the local stack has, or what Azure's own default serves.
LOCAL: Final = {"RETRAIN_BATCH_ACCOUNT", "RETRAIN_BATCH_KEY", "RETRAIN_IMAGES"}
BY_DEFAULT: Final = {"RETRAIN_NODE_IMAGE", "RETRAIN_NODE_AGENT"}
#: Set by hand, where the deployment has such things.
BY_HAND: Final = {"RETRAIN_SHARED_REGISTRIES", "RETRAIN_WEBHOOK_PRIVATE"}
#: Read by the host or the doors, not by Settings.
OTHERS: Final = {
    "RETRAIN_WATCH",
    "RETRAIN_ENTRA_CLIENT",
    "RETRAIN_ENTRA_TENANT",
    "RETRAIN_RATE",
}


@cache
def triggers() -> dict[str, dict[str, Any]]:
    return {
        str(one.get_function_name()): binding
        for one in function_app.app.get_functions()
        for binding in one.get_bindings_dict()["bindings"]
        if str(binding["type"]).lower().endswith("trigger")
    }


def app_settings() -> set[str]:
    """The variables that the deployment sets, without the parts of identity-based connections."""
    given = MAIN.of("modules")["app"]["config"]["params"]["settings"].keys()
    own = APP.of("variables")["byIdentity"]["value"].keys()
    return {name.partition("__")[0] for name in (*given, *own)}


def test_containers_are_the_codes() -> None:
    storage = read(INFRA / "modules" / "storage.bicep")
    assert storage.of("variables")["containers"]["value"] == list(CONTAINERS)


def test_queues_come_from_the_file_that_the_emulator_reads() -> None:
    text = read(INFRA / "modules" / "messaging.bicep").text
    assert "loadJsonContent('../../retrain/local/queues.json')" in text
    queues = {
        one["Name"]: one["Properties"] for one in QUEUES["UserConfig"]["Namespaces"][0]["Queues"]
    }
    asked = {one["queueName"] for one in triggers().values() if "queueName" in one}
    assert queues.keys() == asked
    # Every property that the file has is one that Bicep hands on.
    handed = set(re.findall(r"queue\.Properties\.\??(\w+)", text))
    assert {name for one in queues.values() for name in one} == handed


def test_each_setting_is_set_or_said_not_to_be() -> None:
    wanted = {f"RETRAIN_{field.name.upper()}" for field in fields(Settings)}
    ours = {name for name in app_settings() if name.startswith("RETRAIN_")}
    assert wanted - ours == LOCAL | BY_DEFAULT | BY_HAND
    assert ours - wanted == OTHERS


def test_identity_based_connections_are_complete() -> None:
    names = {*MAIN.of("modules")["app"]["config"]["params"]["settings"]}
    names |= APP.of("variables")["byIdentity"]["value"].keys()
    for connection in {
        str(one["connection"]) for one in triggers().values() if "connection" in one
    }:
        assert {f"{connection}__credential", f"{connection}__clientId"} <= names
    # The blob trigger keeps what it could not process in a queue of the same account.
    assert "RETRAIN_STORAGE__queueServiceUri" in names


def test_the_worker_has_a_thread_for_each_session() -> None:
    threads = APP.of("variables")["byIdentity"]["value"]["PYTHON_THREADPOOL_THREAD_COUNT"]
    assert int(threads) == HOST["extensions"]["serviceBus"]["maxConcurrentSessions"]


def test_events_go_to_the_doors_that_there_are() -> None:
    doors = read(INFRA / "events.bicep").of("variables")["doors"]["value"]
    blobs = {name: one["path"] for name, one in triggers().items() if one["type"] == "blobTrigger"}
    assert {door["function"] for door in doors} == blobs.keys()
    for door in doors:
        path = blobs[door["function"]]
        container, _, pattern = path.partition("/")
        assert door["begins"] == f"${{blobs}}/{container}/blobs/"
        assert door["ends"] == pattern.rpartition("}")[2]


def test_alerts_ask_for_what_is_logged() -> None:
    queries = read(INFRA / "modules" / "alerts.bicep").text
    logged = "\n".join(path.read_text() for path in (ROOT / "shared" / "app").glob("*.py"))
    assert 'startswith "run " and message endswith " -> Failed"' in queries
    assert '"run %s: %s: %s -> %s"' in logged
    assert 'startswith "orphan: "' in queries
    assert re.search(r'log\.warning\(\s*"orphan: ', logged)
    assert 'name == "watch"' in queries
    assert "watch" in triggers()


def test_each_alert_has_a_page_of_its_own() -> None:
    names = re.findall(r"name: '([a-z-]+)'\n    says:", read(INFRA / "modules/alerts.bicep").text)
    page = (ROOT / "docs" / "operations.md").read_text()
    assert len(names) >= 7
    assert [name for name in names if f"### {name}" not in page] == []


def test_each_role_has_a_reason() -> None:
    roles = read(INFRA / "modules" / "roles.bicep")
    page = (ROOT / "docs" / "azure.md").read_text()
    named = re.findall(r"'[0-9a-f-]{36}' // (.+)", roles.text)
    assert len(named) == len(roles.of("variables")["role"]["value"])
    assert [name for name in named if f"| {name} |" not in page] == []
    used = {word for text in walk(roles.of("resources")) for word in _roles(text)}
    assert used == roles.of("variables")["role"]["value"].keys(), "a role that nobody gets"


def _roles(text: Any) -> list[str]:
    return re.findall(r"\$\{role\.(\w+)\}", text) if isinstance(text, str) else []


def test_what_the_command_line_needs_comes_out() -> None:
    assert {"RETRAIN_ENDPOINT", "RETRAIN_APP_NAME", "RETRAIN_TOKEN"} <= MAIN.of("outputs").keys()
    hook = (ROOT / "azure.yaml").read_text()
    for name in re.findall(r"\$(?:env:)?([A-Z_]{6,})", hook):
        assert name in MAIN.of("outputs"), name


def test_the_tables_of_costs_are_the_computed_ones() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    assert capacity() in page
    assert costs() in page
