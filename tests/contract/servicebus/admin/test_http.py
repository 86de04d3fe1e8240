"""Requests that no SDK sends: each is refused in the service's form, and the next one is served."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from tests.contract.servicebus.emulator import Emulator
from tests.contract.servicebus.tokens import token

pytestmark = pytest.mark.xdist_group("servicebus admin http")

ENTRY = (
    '<entry xmlns="http://www.w3.org/2005/Atom"><content type="application/xml">{}</content>'
    "</entry>"
)
SPACE = 'xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"'
QUEUE = ENTRY.format(f"<QueueDescription {SPACE}/>")
BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>' + ENTRY.format("&c;")
)
LOOK = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + ENTRY.format("&a;")


@pytest.fixture
def line(emulator: Emulator) -> Iterator[http.client.HTTPSConnection]:
    trust = ssl.create_default_context(cafile=emulator.server.certificate)
    made = http.client.HTTPSConnection("127.0.0.1", emulator.server.port, context=trust, timeout=10)
    yield made
    made.close()


def ask(
    line: http.client.HTTPSConnection,
    method: str,
    path: str,
    body: str | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, str]:
    """Status and body of the answer; with a good token."""
    signed = {"Authorization": token("https://localhost/"), **(headers or {})}
    line.request(method, path, body and body.encode(), signed)
    answer = line.getresponse()
    return answer.status, answer.read().decode()


def is_well(line: http.client.HTTPSConnection) -> bool:
    return ask(line, "GET", "/$namespaceinfo")[0] == 200


WRONG: dict[str, tuple[str, str, str | None, int, str]] = {
    "no XML": ("PUT", "/q", "hello", 400, "XML"),
    "no body": ("PUT", "/q", None, 400, "XML"),
    "half a document": ("PUT", "/q", QUEUE[:-9], 400, "XML"),
    "entities that grow": ("PUT", "/q", BOMB, 400, "document type"),
    "entities that look around": ("PUT", "/q", LOOK, 400, "document type"),
    "deep nesting": ("PUT", "/q", "<a>" * 1000, 400, "nested"),
    "no entry": ("PUT", "/q", "<entry/>", 400, "Atom entry"),
    "an empty entry": ("PUT", "/q", ENTRY.format(""), 400, "Atom entry"),
    "two descriptions": (
        "PUT",
        "/q",
        ENTRY.format(f"<QueueDescription {SPACE}/><TopicDescription {SPACE}/>"),
        400,
        "one description",
    ),
    "another description": ("PUT", "/t/subscriptions/s", QUEUE, 400, "SubscriptionDescription"),
    "an unknown description": ("PUT", "/q", ENTRY.format("<EventHub/>"), 400, "TopicDescription"),
    "a flag that is none": (
        "PUT",
        "/q",
        ENTRY.format(
            f"<QueueDescription {SPACE}><RequiresSession>maybe</RequiresSession></QueueDescription>"
        ),
        400,
        "neither true nor false",
    ),
    "a number that is none": (
        "PUT",
        "/q",
        ENTRY.format(
            f"<QueueDescription {SPACE}><MaxDeliveryCount>1e3</MaxDeliveryCount></QueueDescription>"
        ),
        400,
        "whole number",
    ),
    "a rule without its expression": (
        "PUT",
        "/t/subscriptions/s/rules/r",
        ENTRY.format(
            f'<RuleDescription {SPACE}><Filter xmlns:i="http://www.w3.org/2001/XMLSchema-instance" '
            'i:type="SqlFilter"/></RuleDescription>'
        ),
        400,
        "SqlExpression",
    ),
    "an unknown filter": (
        "PUT",
        "/t/subscriptions/s/rules/r",
        ENTRY.format(f"<RuleDescription {SPACE}><Filter/></RuleDescription>"),
        400,
        "can't be of type",
    ),
    "an illegal name": ("PUT", "/a%20b", QUEUE, 400, "can't be a name"),
    "a name of bytes": ("PUT", "/%ff%fe%00", QUEUE, 400, "can't be a name"),
    "no name": ("PUT", "/", QUEUE, 404, "No service is hosted"),
    "a place of the service's": ("GET", "/$Resources/eventhubs", None, 404, "No service is hosted"),
    "a place below rules": ("GET", "/t/subscriptions/s/rules/r/x", None, 404, "No service"),
    "a method that is none": ("POST", "/q", QUEUE, 405, "POST"),
    "a list put": ("PUT", "/$Resources/queues", QUEUE, 405, "PUT"),
    "a page that is none": ("GET", "/$Resources/queues?$top=many", None, 400, "non-negative"),
}


@pytest.mark.parametrize(("method", "path", "body", "status", "reason"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_refused(
    line: http.client.HTTPSConnection,
    method: str,
    path: str,
    body: str | None,
    status: int,
    reason: str,
) -> None:
    found, answer = ask(line, method, path, body)
    error = ElementTree.fromstring(answer)
    assert (found, error.tag, error.findtext("Code")) == (status, "Error", str(status))
    assert reason in str(error.findtext("Detail"))
    assert "TrackingId:" in str(error.findtext("Detail"))
    assert is_well(line)


TOKENS = {
    "none": ("", "MissingToken"),
    "a bearer's": ("Bearer eyJ0eXAiOiJKV1QifQ.e30.c2ln", "InvalidToken"),
    "one that has ended": (token("https://localhost/", seconds=-1), "ExpiredToken"),
    "of another place": (token("https://localhost/others"), "InvalidAudience"),
    "nonsense": ("SharedAccessSignature \xff", "MalformedToken"),
}


@pytest.mark.parametrize(("value", "reason"), TOKENS.values(), ids=TOKENS)
def test_tokens(line: http.client.HTTPSConnection, value: str, reason: str) -> None:
    status, answer = ask(line, "GET", "/$namespaceinfo", headers={"Authorization": value})
    assert status == 401
    assert f"<Code>401</Code><Detail>{reason}" in answer


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "in chunks"])
def test_bodies_have_a_limit(line: http.client.HTTPSConnection, declared: bool) -> None:
    """It may be cut off before the client has said all."""
    line.putrequest("PUT", "/q")
    line.putheader("Authorization", token("https://localhost/"))
    if declared:
        line.putheader("Content-Length", str(1 << 30))
    else:
        line.putheader("Transfer-Encoding", "chunked")
    line.endheaders()
    try:
        for _ in range(100):
            line.send(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        status = line.getresponse().status
    except OSError:
        return
    assert status == 413


RAW = {
    "nonsense": b"PUT nonsense\r\n\r\n",
    "endless headers": b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 100_000,
    "a length that is none": b"PUT /q HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    "two lengths": b"PUT /q HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a chunk that is none": b"PUT /q HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "another protocol": b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("said", RAW.values(), ids=RAW)
@pytest.mark.parametrize("secure", [True, False], ids=["in TLS", "in the clear"])
def test_what_is_no_http(
    emulator: Emulator, line: http.client.HTTPSConnection, said: bytes, secure: bool
) -> None:
    with socket.create_connection(("127.0.0.1", emulator.server.port), timeout=10) as plain:
        trust = ssl.create_default_context(cafile=emulator.server.certificate)
        wire = trust.wrap_socket(plain, server_hostname="localhost") if secure else plain
        try:
            wire.sendall(said)
            answer = b""
            while part := wire.recv(65536):
                answer += part
        except OSError:
            answer = b""  # cut off before it had said all
        finally:
            wire.close()
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))
    assert is_well(line)


def test_half_a_request_is_forgotten(emulator: Emulator, line: http.client.HTTPSConnection) -> None:
    for half in (b"GET /", b"PUT /q HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345"):
        with socket.create_connection(("127.0.0.1", emulator.server.port), timeout=10) as wire:
            wire.sendall(half)
            wire.shutdown(socket.SHUT_WR)
            assert wire.recv(65536) == b""
    assert is_well(line)


def test_requests_may_come_together(emulator: Emulator) -> None:
    """Answers are in order; after the one that closes, nothing is done any more."""
    signed = f"Authorization: {token('http://localhost/')}\r\n\r\n"
    put = "PUT /pipelined-{} HTTP/1.1\r\nContent-Length: {}\r\n{}" + signed + QUEUE
    said = put.format(1, len(QUEUE), "") + put.format(2, len(QUEUE), "Connection: close\r\n")
    with socket.create_connection(("127.0.0.1", emulator.server.port), timeout=10) as wire:
        wire.sendall((said + put.format(3, len(QUEUE), "")).encode())
        answer = b""
        while part := wire.recv(65536):
            answer += part
    assert answer.count(b"HTTP/1.1 201 Created") == 2
    assert answer.index(b"pipelined-1") < answer.index(b"pipelined-2")

    async def made() -> list[str]:
        return [each.settings.name for each in emulator.server.namespace.queues()]

    assert [name for name in emulator.do(made()) if "pipelined" in name] == [
        "pipelined-1",
        "pipelined-2",
    ]


def test_default_rules_and_what_the_python_client_leaves_out(
    line: http.client.HTTPSConnection,
) -> None:
    """What other languages' clients send."""
    topic = f"<TopicDescription {SPACE}>{{}}</TopicDescription>"
    told = "<FilteringMessagesBeforePublishing>true</FilteringMessagesBeforePublishing>"
    status, answer = ask(line, "PUT", "/defaults", ENTRY.format(topic.format(told)))
    assert (status, told in answer) == (201, True)
    rule = (
        '<DefaultRuleDescription><Filter xmlns:i="http://www.w3.org/2001/XMLSchema-instance" '
        'i:type="FalseFilter"/><Name>mine</Name></DefaultRuleDescription>'
    )
    subscription = f"<SubscriptionDescription {SPACE}>{rule}</SubscriptionDescription>"
    assert ask(line, "PUT", "/defaults/Subscriptions/s", ENTRY.format(subscription))[0] == 201
    status, answer = ask(line, "GET", "/defaults/subscriptions/s/rules")
    assert (status, answer.count("<entry "), "mine" in answer) == (200, 1, True)
