"""`retrain login`: a profile from what azd wrote down."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from retrain import profile
from retrain.cli.app import app
from tests.unit.cli.api_server import ApiServer


def login(*args: str) -> Result:
    return CliRunner().invoke(app, ["login", *args])


@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Azure CLI: it says how it was asked, and gives a key or a token."""
    folder = tmp_path / "bin"
    folder.mkdir()
    calls = tmp_path / "calls"
    token = json.dumps({"accessToken": "t", "expires_on": 4102444800})
    (folder / "az").write_text(
        f"#!/bin/sh\necho \"$*\" >> '{calls}'\n"
        f"case $1 in functionapp) echo the-key;; *) echo '{token}';; esac\n"
    )
    (folder / "az").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return calls


def deployed(folder: Path, name: str, **values: str) -> None:
    home = folder / ".azure" / name
    home.mkdir(parents=True)
    lines = [f"{key}={json.dumps(value)}" for key, value in values.items()]
    (home / ".env").write_text("\n".join(["# azd's", *lines, ""]))
    (folder / ".azure" / "config.json").write_text(json.dumps({"defaultEnvironment": name}))


def test_the_key_comes_from_the_azure_cli(az: Path, server: ApiServer, tmp_path: Path) -> None:
    deployed(
        tmp_path,
        "training",
        RETRAIN_ENDPOINT=server.endpoint,
        RETRAIN_APP_NAME="func-1",
        AZURE_RESOURCE_GROUP="rg-1",
    )
    assert login().exit_code == 0
    chosen = profile.choose()
    assert (chosen.name, chosen.endpoint, chosen.key) == ("training", server.endpoint, "the-key")
    assert "keys list --name func-1 --resource-group rg-1" in az.read_text()


def test_who_signs_in_has_no_key(az: Path, server: ApiServer, tmp_path: Path) -> None:
    deployed(tmp_path, "t", RETRAIN_ENDPOINT=server.endpoint, RETRAIN_ENTRA_CLIENT_ID="abc")
    assert login("--profile", "mine").exit_code == 0
    chosen = profile.choose()
    assert (chosen.name, chosen.key, chosen.scope) == ("mine", "", "api://abc/.default")


def test_what_is_not_there_is_said(server: ApiServer, tmp_path: Path) -> None:
    nothing = login()
    assert (nothing.exit_code, "azd up" in nothing.stderr) == (2, True)
    deployed(tmp_path, "t", AZURE_LOCATION="westeurope")
    not_yet = login()
    assert (not_yet.exit_code, "has not been deployed" in not_yet.stderr) == (2, True)
    unknown = login("--environment", "u")
    assert (unknown.exit_code, "known: t" in unknown.stderr) == (2, True)


def test_without_the_azure_cli_the_key_is_given(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    deployed(tmp_path, "t", RETRAIN_ENDPOINT=server.endpoint)
    keyless = login()
    assert (keyless.exit_code, "--key" in keyless.stderr) == (1, True)
    assert login("--key", "k").exit_code == 0
    assert profile.choose().key == "k"
