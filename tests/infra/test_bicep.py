"""Every Bicep file is parsed, and held to what its compiler would say of names and parameters.

The compiler itself is no package of a registry, so it does not run here.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep import FILES, INFRA, Bicep, read

MAIN = read(INFRA / "main.bicep")
MODULES = MAIN.of("modules")
#: Of uniqueString.
TOKEN = 13
#: Characters that a name of this kind may have.
LONGEST = {"storage": 24, "hostStorage": 24, "vault": 24, "batch": 24, "registry": 50, "app": 60}


def ids(path: Path) -> str:
    return path.relative_to(INFRA).as_posix()


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_each_name_is_declared(path: Path) -> None:
    assert read(path).unknown_names() == []


def test_a_misspelt_name_is_found() -> None:
    text = MAIN.text.replace("params: { token: token }", "params: { token: tokn }", 1)
    assert Bicep(MAIN.path, text, MAIN.parsed).unknown_names() == ["tokn"]


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_lines_can_be_read(path: Path) -> None:
    text = read(path).text
    assert text.startswith("//"), "it says first what it is for"
    assert max(map(len, text.splitlines())) <= 150
    assert len(text.splitlines()) <= 200


def test_each_parameter_of_the_deployment_is_described() -> None:
    assert [
        name
        for name, one in MAIN.of("parameters").items()
        if "description" not in {decorator["type"] for decorator in one["decorators"]}
    ] == []


def test_what_azd_gives_is_what_main_takes() -> None:
    given = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
    taken = MAIN.of("parameters")
    assert given.keys() <= taken.keys()
    needed = {name for name, one in taken.items() if one["default"] is None}
    assert needed <= given.keys()


def test_each_module_is_used_and_there() -> None:
    used = {INFRA / str(one["detail"]["path"]) for one in MODULES.values()}
    assert used == {path for path in FILES if path.parent.name == "modules"}


@pytest.mark.parametrize("name", MODULES)
def test_modules_get_the_parameters_that_they_declare(name: str) -> None:
    module = MODULES[name]
    declared = read(INFRA / module["detail"]["path"]).of("parameters")
    config: dict[str, Any] = module["config"]
    given = dict(config.get("params", config.get("config", {}).get("params", {})))
    assert given.keys() <= declared.keys()
    assert {key for key, one in declared.items() if one["default"] is None} <= given.keys()


def test_outputs_that_are_read_are_written() -> None:
    read_of = re.findall(r"(\w+)\.\??outputs\.(\w+)", MAIN.text)
    assert read_of
    for module, output in read_of:
        declared = read(INFRA / MODULES[module]["detail"]["path"]).of("outputs")
        assert output in declared, f"{module} has no output {output}"


def test_names_are_short_enough() -> None:
    names = json.loads((INFRA / "modules" / "names.json").read_text())
    for kind, prefix in names.items():
        assert len(prefix) + TOKEN <= LONGEST.get(kind, 60), kind
        assert re.fullmatch(r"[a-z-]+", prefix), kind
    for kind in ("storage", "hostStorage", "batch", "registry"):
        assert names[kind].isalpha(), f"{kind} takes letters and digits only"


def test_no_key_is_ever_asked_for_but_the_events_own() -> None:
    asking = {path.name for path in FILES if "listKeys(" in read(path).text}
    assert asking == {"events.bicep"}
    assert "allowSharedKeyAccess: false" in read(INFRA / "modules/storage.bicep").text
    assert "disableLocalAuth: true" in read(INFRA / "modules/messaging.bicep").text
    assert "allowedAuthenticationModes: ['AAD']" in read(INFRA / "modules/batch.bicep").text
