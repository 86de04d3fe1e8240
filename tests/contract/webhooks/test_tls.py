"""Https: whose certificate is trusted, against real servers with real certificates."""

import base64
import ssl
from pathlib import Path

import pytest

from shared.azure.webhooks import SignedWebhooks
from shared.domain.errors import Refused
from tests.contract.webhooks.certificates import Authority, self_signed
from tests.contract.webhooks.receiver import receiving
from tests.factories import NOON

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


def post(url: str) -> None:
    """As a process that has just begun: what it trusts is read once."""
    SignedWebhooks(SECRET, private=True).post(url, "id-1", NOON, b"{}")


def refused(tls: ssl.SSLContext) -> str:
    """Why the server is not told, which has heard nothing then."""
    with receiving(tls) as receiver:
        with pytest.raises(Refused) as told:
            post(f"{receiver.url}/hook")
        assert receiver.heard == []
    assert told.value.code == "CertificateRefused"
    assert "SSL_CERT_FILE" in told.value.remedy
    return told.value.message


def test_one_that_signed_itself_is_refused(tmp_path: Path) -> None:
    said = refused(self_signed(tmp_path, "localhost"))
    assert said.startswith("Nothing is sent to localhost: its certificate is not trusted: self")


def test_an_authority_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    said = refused(Authority("unknown").server(tmp_path, "localhost"))
    assert "unable to get local issuer certificate" in said


def test_one_that_is_named_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority("ours")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.written(tmp_path)))
    with receiving(authority.server(tmp_path, "localhost")) as receiver:
        post(f"{receiver.url}/hook")
        ((path, headers, _),) = receiver.heard
    assert path == "/hook"
    assert headers["webhook-signature"].startswith("v1,")


def test_the_certificate_of_another_host_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority("ours")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.written(tmp_path)))
    said = refused(authority.server(tmp_path, "elsewhere.example"))
    assert "Hostname mismatch" in said
