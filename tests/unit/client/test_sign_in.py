"""Tokens: from the environment or the user's own tools; kept, renewed, and never kept on disk."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from retrain.client import Client
from retrain.client.sign_in import NotSignedIn, SignIn

SCOPE = "api://retrain/.default"
Tool = Callable[..., Path]


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No tool and no token of this machine's is seen."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv("RETRAIN_TOKEN", raising=False)


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    """Puts a program on the path, which counts its calls and says how it was asked."""

    def make(name: str, answer: str, code: int = 0, error: str = "") -> Path:
        calls = tmp_path / f"{name}.calls"
        file = tmp_path / "bin" / name
        file.write_text(
            f"#!/bin/sh\necho \"$*\" >> '{calls}'\nprintf '%s' '{answer}'\n"
            f"printf '%s' '{error}' >&2\nexit {code}\n"
        )
        file.chmod(0o755)
        return calls

    return make


def az(seconds: float) -> str:
    return json.dumps({"accessToken": "from-az", "expires_on": int(time.time() + seconds)})


def test_the_azure_cli_is_asked_once(tool: Tool) -> None:
    calls = tool("az", az(3600))
    sign_in = SignIn(SCOPE)
    assert [sign_in.token() for _ in range(3)] == ["from-az"] * 3
    asked = calls.read_text().splitlines()
    assert asked == [f"account get-access-token --output json --scope {SCOPE}"]


def test_one_that_ends_is_renewed(tool: Tool) -> None:
    calls = tool("az", az(60))
    sign_in = SignIn(SCOPE)
    sign_in.token()
    sign_in.token()
    assert len(calls.read_text().splitlines()) == 2


def test_azd_is_asked_where_the_azure_cli_has_none(tool: Tool) -> None:
    tool("az", "", 1, "Please run az login.")
    tool("azd", json.dumps({"token": "from-azd", "expiresOn": "2030-01-01T00:00:00Z"}))
    assert SignIn(SCOPE).token() == "from-azd"


def test_nobody_signed_in_is_said_with_what_the_tool_said(tool: Tool) -> None:
    with pytest.raises(NotSignedIn, match="api://retrain") as caught:
        SignIn(SCOPE).token()
    assert "az login" in caught.value.remedy
    tool("az", "", 1, "AADSTS700082: The refresh token has expired.")
    with pytest.raises(NotSignedIn, match="AADSTS700082"):
        SignIn(SCOPE).token()


@pytest.mark.parametrize("odd", ["no json", "{}", '{"accessToken": "x", "expires_on": "soon"}'])
def test_a_tool_that_talks_nonsense_is_no_traceback(tool: Tool, odd: str) -> None:
    tool("az", odd)
    with pytest.raises(NotSignedIn):
        SignIn(SCOPE).token()


def test_a_token_of_the_environment_wins(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = tool("az", az(3600))
    monkeypatch.setenv("RETRAIN_TOKEN", "given")
    assert SignIn(SCOPE).token() == "given"
    assert not calls.exists()


def test_a_refused_token_is_asked_for_anew_once(tool: Tool) -> None:
    calls = tool("az", az(3600))
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(401 if len(seen) < 2 else 200)

    with httpx.Client(transport=httpx.MockTransport(answer), auth=SignIn(SCOPE)) as client:
        assert client.get("http://app").status_code == 200
    assert seen == ["Bearer from-az"] * 2
    assert len(calls.read_text().splitlines()) == 2


def test_only_a_profile_with_a_scope_sends_one(
    tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from retrain import profile

    tool("az", az(3600))
    monkeypatch.setenv("RETRAIN_CONFIG", str(tmp_path / "profiles.toml"))
    monkeypatch.delenv("RETRAIN_ENDPOINT", raising=False)
    seen: list[httpx.Headers] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        return httpx.Response(200, json={"status": "ok", "version": "1"})

    profile.save(profile.Profile("cloud", "https://a.example", scope=SCOPE), use=True)
    profile.save(profile.Profile("keys", "https://b.example", "k"))
    for name in ("cloud", "keys"):
        with Client(profile=name, transport=httpx.MockTransport(answer)) as client:
            client.health()
    assert [one.get("Authorization") for one in seen] == ["Bearer from-az", None]
    assert [one.get("x-functions-key") for one in seen] == [None, "k"]
    assert "from-az" not in (tmp_path / "profiles.toml").read_text()
