"""Signed POSTs: what a receiver gets, what the answers come to, and where nothing is ever sent."""

import base64
import hashlib
import hmac
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from shared.azure.webhooks import SignedWebhooks, is_public
from shared.domain.errors import Refused, Transient
from tests.contract.webhooks.receiver import Receiver, receiving
from tests.factories import NOON

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
LOCALLY = SignedWebhooks(SECRET, private=True)
ELSEWHERE = SignedWebhooks(SECRET)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_a_receiver_can_verify_it(receiver: Receiver) -> None:
    LOCALLY.post(f"{receiver.url}/hook?to=me", "id-1", NOON, b'{"x": 1}')
    ((path, headers, body),) = receiver.heard
    assert (path, body) == ("/hook?to=me", b'{"x": 1}')
    assert headers["content-type"] == "application/json"
    assert headers["host"] == receiver.url.removeprefix("http://")
    assert int(headers["webhook-timestamp"]) == NOON.timestamp()
    # As the Standard Webhooks specification tells a receiver to.
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(b"k" * 32, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_another_try_may_mend_is_tried_again(receiver: Receiver, status: int) -> None:
    receiver.statuses = [status]
    with pytest.raises(Transient, match=f"answered {status}"):
        LOCALLY.post(receiver.url, "id-1", NOON, b"{}")


@pytest.mark.parametrize("status", [301, 307, 400, 404, 410])
def test_what_it_does_not_want_is_given_up(receiver: Receiver, status: int) -> None:
    receiver.statuses = [status]
    with pytest.raises(Refused, match=f"answered {status}"):
        LOCALLY.post(receiver.url, "id-1", NOON, b"{}")
    assert len(receiver.heard) == 1, "no redirect is followed"


def test_nobody_there(receiver: Receiver) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(Transient, match="can't be reached"):
            LOCALLY.post(f"http://127.0.0.1:{unused.getsockname()[1]}/", "id-1", NOON, b"{}")


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST.", "a.localhost", "printer.local", "metadata.google.internal"),
        *("127.0.0.1", "127.1", "2130706433", "0x7f.1", "0.0.0.0", "10.0.0.1", "172.16.9.9"),
        *("192.168.1.1", "169.254.169.254", "168.63.129.16", "100.64.0.1", "224.0.0.1"),
        *("[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]"),
        *("[2002:a00:1::]", "[ff0e::1]"),
    ],
)
def test_a_private_address_is_refused(host: str) -> None:
    with pytest.raises(Refused, match="private network") as refused:
        ELSEWHERE.check(f"https://{host}/hook")
    assert refused.value.code == "WebhookAddressRefused"
    with pytest.raises(Refused, match="private network"):
        ELSEWHERE.post(f"https://{host}:8443/hook", "id-1", NOON, b"{}")


def test_only_https(receiver: Receiver) -> None:
    with pytest.raises(Refused, match="not https"):
        ELSEWHERE.check("http://example.com/hook")


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.1.2.3", "::1"])
def test_a_public_name_that_stands_for_a_private_address(
    monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    """One of a name's addresses is enough: the next lookup might give that one."""

    def found(*_: Any, **__: Any) -> list[Any]:
        family = socket.AF_INET6 if ":" in inside else socket.AF_INET
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443)),
            (family, socket.SOCK_STREAM, 6, "", (inside, 443)),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    ELSEWHERE.check("https://example.com/hook")
    with pytest.raises(Refused, match=f"stands for {inside}"):
        ELSEWHERE.post("https://example.com/hook", "id-1", NOON, b"{}")


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "not base64 ÄÖ"])
def test_without_a_secret_nothing_is_sent(receiver: Receiver, secret: str) -> None:
    with pytest.raises(Refused, match="RETRAIN_WEBHOOK_SECRET") as refused:
        SignedWebhooks(secret, private=True).post(receiver.url, "id-1", NOON, b"{}")
    assert refused.value.code == "WebhooksNotSetUp"
    assert not receiver.heard


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700::1", "64:ff9b::5db8:d70e"])
def test_public_addresses(address: str) -> None:
    assert is_public(ip_address(address))
