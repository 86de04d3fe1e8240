"""The API behind sign-in: real tokens, signed by an issuer on loopback, through the real app."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from functions.api import web
from functions.api.access.rates import Rates
from functions.api.access.roles import Role, highest, needed
from shared import settings
from shared.settings import BadSettings, MissingSettings, SignIn

CLIENT: Final = "11111111-2222-3333-4444-555555555555"
TENANT: Final = "99999999-8888-7777-6666-555555555555"
OURS, THEIRS = (rsa.generate_private_key(65537, 2048) for _ in range(2))


class Issuer(BaseHTTPRequestHandler):
    """Tells its public key, and counts how often it was asked."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        key = json.loads(RSAAlgorithm.to_jwk(OURS.public_key())) | {"kid": "one", "use": "sig"}
        body = json.dumps({"keys": [key]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Not into the tests' output."""


@pytest.fixture(scope="module")
def authority() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


Ask = Callable[..., httpx.Response]


def asking(sign_in: SignIn | None, rate: int = 0) -> Ask:
    """A function that sends one request to the app, as its host would."""
    app = web(sign_in, rate)

    def ask(method: str, path: str, token: str = "") -> httpx.Response:
        import asyncio

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
                return await client.request(method, path, headers=headers, json={})

        return asyncio.run(send())

    return ask


@pytest.fixture
def ask(authority: str) -> Ask:
    return asking(SignIn(CLIENT, TENANT, authority))


@pytest.fixture
def token(authority: str) -> Callable[..., str]:
    def make(key: rsa.RSAPrivateKey = OURS, kid: str = "one", **changed: Any) -> str:
        claims = {
            "iss": f"{authority}/{TENANT}/v2.0",
            "aud": CLIENT,
            "exp": int(time.time()) + 600,
            "preferred_username": "ada@example.com",
            "roles": ["Retrain.Submitter"],
        }
        claims |= changed
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": kid})

    return make


READ: Final = ("GET", "/api/openapi.json")
SUBMIT: Final = ("POST", "/api/jobs")
ADMINISTER: Final = ("POST", "/api/computes")
#: What a role may do; without one, nothing.
MAY: Final[dict[str, list[tuple[str, str]]]] = {
    "Retrain.Reader": [READ],
    "Retrain.Submitter": [READ, SUBMIT],
    "Retrain.Admin": [READ, SUBMIT, ADMINISTER],
    "Somebody.Else": [],
}


@pytest.mark.parametrize("role", MAY)
def test_each_role_may_do_this(ask: Ask, token: Callable[..., str], role: str) -> None:
    good = token(roles=[role])
    for method, path in (READ, SUBMIT, ADMINISTER):
        answer = ask(method, path, good)
        if (method, path) in MAY[role]:
            assert answer.status_code not in (401, 403), answer.text
        else:
            assert answer.status_code == 403
            error = answer.json()["error"]
            assert "ada@example.com" in error["message"]
            assert "Retrain." in error["remedy"]


#: What is wrong with a token.
BAD: Final[dict[str, dict[str, Any]]] = {
    "expired": {"exp": int(time.time()) - 1000},
    "for another application": {"aud": "another"},
    "of another tenant": {"iss": "https://elsewhere/v2.0"},
    "without an end": {"exp": None},
    "signed by somebody else": {"key": THEIRS},
    "signed with an unknown key": {"key": THEIRS, "kid": "two"},
    "not yet good": {"nbf": int(time.time()) + 1000},
}


@pytest.mark.parametrize("wrong", BAD.values(), ids=BAD)
def test_a_bad_token_is_refused(ask: Ask, token: Callable[..., str], wrong: dict[str, Any]) -> None:
    answer = ask(*READ, token(**wrong))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["error"]["code"] == "BadToken"
    assert "retrain login" in answer.json()["error"]["remedy"]


#: Tokens that are none; `none` as their algorithm among them.
NO_TOKENS: Final = {
    "none": "",
    "no JWT": "abc",
    "unsigned": jwt.encode({"aud": CLIENT}, "", algorithm="none"),
    "signed with a word": jwt.encode({"aud": CLIENT}, "x" * 32, headers={"kid": "one"}),
}


@pytest.mark.parametrize("given", NO_TOKENS.values(), ids=NO_TOKENS)
def test_what_is_no_token_is_refused(ask: Ask, given: str) -> None:
    assert ask(*READ, given).status_code == 401


def test_clocks_may_differ_by_a_minute(ask: Ask, token: Callable[..., str]) -> None:
    now = int(time.time())
    assert ask(*READ, token(exp=now - 60)).status_code == 200
    assert ask(*READ, token(nbf=now + 60)).status_code == 200


def test_tokens_of_both_versions_are_taken(ask: Ask, token: Callable[..., str]) -> None:
    old = token(iss=f"https://sts.windows.net/{TENANT}/", aud=f"api://{CLIENT}")
    assert ask(*READ, old).status_code == 200


def test_the_issuer_is_not_asked_each_time(ask: Ask, token: Callable[..., str]) -> None:
    before = Issuer.asked
    for _ in range(5):
        ask(*READ, token())
    assert Issuer.asked == before + 1


def test_an_issuer_that_is_away_is_no_refusal(token: Callable[..., str]) -> None:
    away = asking(SignIn(CLIENT, TENANT, "http://127.0.0.1:9"))
    answer = away(*READ, token())
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "NoKeys"


def test_with_function_keys_the_host_has_asked() -> None:
    assert asking(None)(*READ).status_code == 200
    assert asking(None)(*ADMINISTER).status_code not in (401, 403)


def test_each_change_leaves_a_line(
    ask: Ask, token: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "retrain.audit")
    ask(*READ, token())
    ask(*SUBMIT, token())
    ask(*ADMINISTER, token())
    ask(*ADMINISTER)
    lines = [one.getMessage() for one in caplog.records if one.name == "retrain.audit"]
    assert lines.pop() == "audit: nobody POST /api/computes: 401"
    assert len(lines) == 2, "reading leaves none"
    assert lines[0].startswith("audit: ada@example.com POST /api/jobs: ")
    assert lines[1] == "audit: ada@example.com POST /api/computes: 403"


def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    ask = asking(None, rate=3)
    answers = [ask(*READ) for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 20


def test_a_bucket_fills_again() -> None:
    rates = Rates(60)
    assert [rates.wait("a", 0.0) for _ in range(60)] == [0.0] * 60
    assert rates.wait("a", 0.0) == pytest.approx(1.0)
    assert rates.wait("b", 0.0) == 0.0, "everybody has their own"
    assert rates.wait("a", 1.0) == 0.0
    assert Rates(0).wait("a", 0.0) == 0.0


#: Requests, and the least role that may send them.
LEAST: Final = {
    ("GET", "/api/jobs"): Role.READER,
    ("HEAD", "/api/jobs/x"): Role.READER,
    ("POST", "/api/jobs"): Role.SUBMITTER,
    ("POST", "/api/jobs/x/cancel"): Role.SUBMITTER,
    ("DELETE", "/api/schedules/x"): Role.SUBMITTER,
    ("POST", "/api/tracking-tokens"): Role.SUBMITTER,
    ("PATCH", "/api/computes/x"): Role.ADMIN,
    ("POST", "/api/compute/drain"): Role.ADMIN,
    ("DELETE", "/api/datastores/x"): Role.ADMIN,
    ("GET", "/api/computes"): Role.READER,
}


@pytest.mark.parametrize(("request_", "role"), LEAST.items())
def test_the_least_role(request_: tuple[str, str], role: Role) -> None:
    assert needed(*request_) is role


def test_of_several_roles_the_highest_counts() -> None:
    assert highest(["retrain.reader", "Retrain.ADMIN", "x"]) is Role.ADMIN
    assert highest([]) is Role.NONE


def test_settings_that_contradict_are_told() -> None:
    assert settings.sign_in({}) is None
    with pytest.raises(MissingSettings, match="RETRAIN_ENTRA_TENANT"):
        settings.sign_in({"RETRAIN_ENTRA_CLIENT": CLIENT})
    with pytest.raises(BadSettings, match="RETRAIN_RATE"):
        settings.rate({"RETRAIN_RATE": "many"})
