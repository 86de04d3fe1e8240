"""Build contexts on the builder's machine: fetched by their digest, never trusted."""

import asyncio
import gzip
import hashlib
import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from retrain.local.images import context_store
from retrain.local.images.context_store import ContextStore
from retrain.local.images.making import BuildFailed, BuildLog


def a_tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for entry, content in members:
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def a_link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    return entry, b""


GOOD = a_tar((tarfile.TarInfo("Dockerfile"), b"FROM scratch\n"))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    content: ClassVar[bytes] = b""
    status: ClassVar[int] = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves bytes; returns their signed address."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def serving(content: bytes, status: int = 200) -> str:
        handler = type("Handler", (_Handler,), {"content": content, "status": status})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}/x?sig=secret"

    yield serving
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def store(tmp_path: Path) -> ContextStore:
    return ContextStore(tmp_path / "contexts")


@pytest.fixture
def log(tmp_path: Path) -> BuildLog:
    said = BuildLog(tmp_path / "x.log")
    said.open("begun")
    return said


def test_it_is_fetched_once_and_unpacked(
    store: ContextStore, log: BuildLog, serve: Serve, tmp_path: Path
) -> None:
    store.sources[digest(GOOD)] = serve(gzip.compress(GOOD))
    asyncio.run(store.fetch(digest(GOOD), log))
    store.sources.clear()
    asyncio.run(store.fetch(digest(GOOD), log))
    store.unpack(digest(GOOD), tmp_path / "target")
    assert (tmp_path / "target/Dockerfile").read_text() == "FROM scratch\n"
    assert "secret" not in log.tail()


DAMAGED = {
    "other content": (gzip.compress(a_tar()), 200, "is damaged: its SHA-256 is"),
    "no gzip": (b"not a gzip file", 200, "is damaged"),
    "cut short": (gzip.compress(GOOD)[:-9], 200, "is damaged"),
    "refused": (b"", 403, "can't be fetched: Blob Storage answers 403"),
}


@pytest.mark.parametrize(("content", "status", "words"), DAMAGED.values(), ids=DAMAGED)
def test_what_is_not_what_was_asked_for_is_refused(
    store: ContextStore, log: BuildLog, serve: Serve, content: bytes, status: int, words: str
) -> None:
    store.sources[digest(GOOD)] = serve(content, status)
    with pytest.raises(BuildFailed, match=words) as failed:
        asyncio.run(store.fetch(digest(GOOD), log))
    assert "Submit the job again" in str(failed.value)
    assert "secret" not in str(failed.value)
    assert not list(store.folder.glob("*.tar.gz"))


def test_a_bomb_is_not_unpacked(
    store: ContextStore, log: BuildLog, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context_store, "MOST", 1000)
    bomb = b"\0" * (4 << 20)
    store.sources[digest(bomb)] = serve(gzip.compress(bomb))
    with pytest.raises(BuildFailed, match="more than 1,000 bytes unpacked"):
        asyncio.run(store.fetch(digest(bomb), log))


def test_one_that_nobody_told_of_is_asked_for(store: ContextStore, log: BuildLog) -> None:
    with pytest.raises(BuildFailed, match="not here any more"):
        asyncio.run(store.fetch("a" * 64, log))


ESCAPES = {
    "a path with dots": (tarfile.TarInfo("../escaped"), b"x"),
    "a link that leads out": a_link("link", "../../escaped"),
    "an absolute link": a_link("link", "/etc/passwd"),
}


@pytest.mark.parametrize("member", ESCAPES.values(), ids=ESCAPES)
def test_what_leads_out_of_the_folder_is_refused(
    store: ContextStore, tmp_path: Path, member: tuple[tarfile.TarInfo, bytes]
) -> None:
    store.folder.mkdir()
    (store.folder / f"{'b' * 64}.tar.gz").write_bytes(gzip.compress(a_tar(member)))
    with pytest.raises(BuildFailed, match="can't be unpacked"):
        store.unpack("b" * 64, tmp_path / "deep" / "target")
    assert not (tmp_path / "deep" / "escaped").exists()
    assert not (tmp_path / "deep" / "target").exists()
