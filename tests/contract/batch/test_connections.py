"""Clients that speak no HTTP, or only half of it, over a raw socket."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.batch import BatchClient

from retrain.local.batch import BatchServer, BatchSettings
from tests.contract.batch.conftest import PATIENCE_SECONDS, client_of, running


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BatchServer]:
    """An emulator that waits for the rest of a request only for a moment."""
    settings = BatchSettings(data=tmp_path_factory.mktemp("hasty"), silence_seconds=0.3)
    with running(settings) as server:
        yield server


def said(server: BatchServer, words: bytes) -> bytes:
    """All that the emulator answers until it closes the connection."""
    address = (server.settings.host, server.port)
    with socket.create_connection(address, timeout=PATIENCE_SECONDS) as wire:
        answer = b""
        try:
            wire.sendall(words)
            while part := wire.recv(65536):
                answer += part
        except ConnectionError:
            pass  # it closed while there was more to say
    return answer


HEAD = b"GET /jobs?api-version=2025-06-01 HTTP/1.1\r\nhost: x\r\n"
POST = b"POST /jobs?api-version=2025-06-01 HTTP/1.1\r\nhost: x\r\n"

#: What is sent, and how the answer begins.
TALK: dict[str, tuple[bytes, bytes]] = {
    "nothing": (b"", b"HTTP/1.1 408 "),
    "half a request line": (b"GET /jo", b"HTTP/1.1 408 "),
    "headers that do not end": (HEAD, b"HTTP/1.1 408 "),
    "a body that stalls": (POST + b"content-length: 100\r\n\r\n{", b"HTTP/1.1 408 "),
    "chunks that stall": (POST + b"transfer-encoding: chunked\r\n\r\n5\r\n{", b"HTTP/1.1 408 "),
    "a header of 100 KB": (HEAD + b"x: " + b"y" * 100_000, b"HTTP/1.1 431 "),
    "100 KB of headers": (HEAD + b"x: y\r\n" * 20_000, b"HTTP/1.1 431 "),
    "a path of 100 KB": (b"GET /" + b"x" * 100_000, b"HTTP/1.1 431 "),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 3, b"HTTP/1.1 400 "),
    "a negative length": (POST + b"content-length: -1\r\n\r\n", b"HTTP/1.1 400 "),
    "two lengths": (
        POST + b"content-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 400 ",
    ),
    "a chunk of no size": (
        POST + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 40",
    ),
}


@pytest.mark.parametrize(("words", "begins"), TALK.values(), ids=TALK)
def test_the_emulator_hangs_up(hasty: BatchServer, words: bytes, begins: bytes) -> None:
    assert said(hasty, words)[: len(begins)] == begins


def test_a_slow_but_steady_body_is_waited_for(hasty: BatchServer) -> None:
    address = (hasty.settings.host, hasty.port)
    with socket.create_connection(address, timeout=PATIENCE_SECONDS) as wire:
        wire.sendall(POST + b"content-length: 8\r\nconnection: close\r\n\r\n")
        for byte in b"{      }":
            wire.sendall(bytes([byte]))
        assert wire.recv(65536).startswith(b"HTTP/1.1 401 ")


def test_several_requests_at_once_are_answered_in_order(hasty: BatchServer) -> None:
    answer = said(hasty, HEAD + b"\r\n" + HEAD + b"connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 401 ") == 2


def test_a_refusal_is_whole(hasty: BatchServer) -> None:
    answer = said(hasty, HEAD + b"connection: close\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 401 ")
    assert json.loads(body)["code"] == "AuthenticationFailed"
    assert f"content-length: {len(body)}".encode() in head


def test_many_half_open_connections_do_not_keep_others_out(tmp_path: Path) -> None:
    settings = BatchSettings(data=tmp_path)
    with running(settings) as server, client_of(settings, server.endpoint) as client:
        address = (server.settings.host, server.port)
        wires = [socket.create_connection(address) for _ in range(200)]
        for wire in wires:
            wire.sendall(HEAD)
        assert_served(client)
        for wire in wires:
            wire.close()
        assert_served(client)


def assert_served(client: BatchClient) -> None:
    assert list(client.list_jobs()) == []
