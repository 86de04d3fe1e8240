"""Resource files come from a real Blob service before the process starts."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from retrain.local.batch.execution import Outcome, ResourceFile
from tests.contract.batch.node.conftest import Stage, Storage, ignore


def failure(outcome: Outcome) -> tuple[str, str]:
    assert outcome.exit_code is None
    assert outcome.failure is not None
    words = " ".join([outcome.failure.message, *(value for _, value in outcome.failure.details)])
    return outcome.failure.code, words


def test_a_blob_becomes_a_file(stage: Stage, storage: Storage) -> None:
    storage.put("in/a b+%ü.csv", b"x,y\n1,2\n")
    file = storage.file("in/a%20b%2B%25%C3%BC.csv", "deep/down/data.csv")
    assert stage.run("cat deep/down/data.csv", resource_files=(file,)).succeeded
    assert stage.stdout() == "x,y\n1,2\n"


@pytest.mark.parametrize(("mode", "then"), [(None, 0o770), ("0640", 0o640), ("755", 0o755)])
def test_a_file_has_its_mode(stage: Stage, storage: Storage, mode: str | None, then: int) -> None:
    storage.put("script.sh", b"#!/bin/sh\n")
    file = storage.file("script.sh", "script.sh", mode)
    assert stage.run("true", resource_files=(file,)).succeeded
    assert (stage.working() / "script.sh").stat().st_mode & 0o7777 == then


def test_a_downloaded_program_runs(stage: Stage, storage: Storage) -> None:
    storage.put("script.sh", b"#!/bin/sh\necho it runs\n")
    file = storage.file("script.sh", "script.sh")
    assert stage.run("./script.sh", resource_files=(file,)).succeeded
    assert stage.stdout() == "it runs\n"


def test_a_prefix_keeps_whole_names_below_the_file_path(stage: Stage, storage: Storage) -> None:
    for name in ("data/a.csv", "data/deep/b.csv", "data2.csv", "other.csv"):
        storage.put(name, name.encode())
    assert stage.run("true", resource_files=(storage.folder("data/", "in"),)).succeeded
    assert (stage.working() / "in/data/a.csv").read_text() == "data/a.csv"
    assert (stage.working() / "in/data/deep/b.csv").read_text() == "data/deep/b.csv"
    assert not list(stage.working().rglob("data2.csv"))
    assert not list(stage.working().rglob("other.csv"))


def test_without_prefix_and_path_the_container_lands_in_the_working_folder(
    stage: Stage, storage: Storage
) -> None:
    for number in range(30):
        storage.put(f"d{number % 3}/{number}", bytes([number]) * number)
    assert stage.run("true", resource_files=(storage.folder(None, None),)).succeeded
    for number in range(30):
        file = stage.working() / f"d{number % 3}" / f"{number}"
        assert file.read_bytes() == bytes([number]) * number


def test_an_empty_blob_that_stands_for_a_folder_is_no_file(stage: Stage, storage: Storage) -> None:
    storage.put("data", b"")
    storage.put("data/a.csv", b"a")
    storage.put("data/empty.csv", b"")
    assert stage.run("true", resource_files=(storage.folder("data", None),)).succeeded
    assert (stage.working() / "data/a.csv").read_text() == "a"
    assert (stage.working() / "data/empty.csv").read_text() == ""


def test_a_large_blob_arrives_whole(stage: Stage, storage: Storage) -> None:
    content = bytes(range(256)) * 32_768  # 8 MiB
    storage.put("large", content)
    assert stage.run("true", resource_files=(storage.file("large", "large"),)).succeeded
    assert (stage.working() / "large").read_bytes() == content


def test_a_missing_blob_is_named_without_its_signature(stage: Stage, storage: Storage) -> None:
    outcome = stage.run("true", resource_files=(storage.file("in/gone.csv", "a"),))
    code, words = failure(outcome)
    assert code == "BlobNotFound"
    assert "in/gone.csv" in words
    assert "sig=" not in words


def test_an_expired_signature_is_denied(stage: Stage, storage: Storage) -> None:
    storage.put("a", b"a")
    base, _, signature = storage.sas("r", minutes=-5).partition("?")
    file = ResourceFile(f"{base}/a?{signature}", None, None, "a", None)
    code, words = failure(stage.run("true", resource_files=(file,)))
    assert code == "BlobAccessDenied"
    assert "sig=" not in words


def test_a_container_that_may_not_be_listed_is_denied(stage: Stage, storage: Storage) -> None:
    file = ResourceFile(None, storage.sas("r"), "data/", None, None)
    code, words = failure(stage.run("true", resource_files=(file,)))
    assert code == "ResourceContainerAccessDenied"
    assert storage.url in words
    assert "sig=" not in words


def test_a_container_that_is_not_there_is_not_found(stage: Stage, storage: Storage) -> None:
    url = storage.sas("rl")
    storage.client.delete_container()
    file = ResourceFile(None, url, None, None, None)
    assert failure(stage.run("true", resource_files=(file,)))[0] == "ResourceContainerNotFound"


@pytest.mark.parametrize("path", ["../a", "/tmp/a", "deep/../../a", "", "."])
def test_nothing_is_written_outside_the_working_folder(
    stage: Stage, storage: Storage, path: str
) -> None:
    storage.put("a", b"a")
    code, _ = failure(stage.run("true", resource_files=(storage.file("a", path),)))
    assert code == "ResourceFileCreateFailed"


def test_a_link_in_the_working_folder_is_no_way_out(stage: Stage, storage: Storage) -> None:
    storage.put("a", b"a")
    (stage.working() / "out").symlink_to(stage.root)
    code, _ = failure(stage.run("true", resource_files=(storage.file("a", "out/a"),)))
    assert code == "ResourceFileCreateFailed"


def test_a_mode_that_is_no_mode_is_refused(stage: Stage, storage: Storage) -> None:
    storage.put("a", b"a")
    code, words = failure(stage.run("true", resource_files=(storage.file("a", "a", "rwx"),)))
    assert code == "ResourceFileCreateFailed"
    assert "rwx" in words


def test_where_nobody_listens_the_download_fails(stage: Stage) -> None:
    file = ResourceFile("http://127.0.0.1:9/a?sig=secret", None, None, "a", None)
    code, words = failure(stage.run("true", resource_files=(file,)))
    assert code == "BlobDownloadMiscError"
    assert "secret" not in words


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[str]:
    """A server that gives these answers, one a connection, and then closes each."""
    left: Iterator[bytes] = iter(answers)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(next(left))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/file"


BUSY = b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nretry-after: 0.01\r\n\r\n"
TOO_MANY = b"HTTP/1.1 429 Slow down\r\ncontent-length: 0\r\nretry-after: 0.01\r\n\r\n"
BROKEN = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nit is here"


@pytest.mark.parametrize(
    "trouble", [(BUSY,), (TOO_MANY,), (BROKEN,), (b"",), (BUSY, BROKEN, TOO_MANY)]
)
def test_what_passes_by_itself_is_tried_again(stage: Stage, trouble: tuple[bytes, ...]) -> None:
    async def scene() -> Outcome:
        async with answering(*trouble, WHOLE) as url:
            file = ResourceFile(url, None, None, "a", None)
            execution = stage.execution("true", resource_files=(file,))
            return await stage.node.run(execution, ignore)

    assert stage.wait(scene()).succeeded
    assert (stage.working() / "a").read_text() == "it is here"


def test_a_list_of_more_than_a_page_is_read_whole(stage: Stage) -> None:
    def page(names: list[str], marker: str) -> bytes:
        blobs = "".join(
            f"<Blob><Name>{name}</Name><Properties><Content-Length>10</Content-Length>"
            f"</Properties><Metadata><Name>no</Name></Metadata></Blob>"
            for name in names
        )
        inner = f"<Blobs>{blobs}</Blobs><NextMarker>{marker}</NextMarker>"
        body = f"<EnumerationResults>{inner}</EnumerationResults>"
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n"
        return (head + body).encode()

    async def scene() -> Outcome:
        async with answering(page(["a&amp;b"], "more"), page(["c"], ""), WHOLE, WHOLE) as url:
            file = ResourceFile(None, f"{url}?sig=x", None, None, None)
            return await stage.node.run(stage.execution("true", resource_files=(file,)), ignore)

    assert stage.wait(scene()).succeeded
    assert (stage.working() / "a&b").read_text() == "it is here"
    assert (stage.working() / "c").read_text() == "it is here"


def test_a_list_with_entities_is_refused(stage: Stage) -> None:
    body = '<!DOCTYPE a [<!ENTITY b "c">]><EnumerationResults>&b;</EnumerationResults>'
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n"

    async def scene() -> Outcome:
        async with answering((head + body).encode()) as url:
            file = ResourceFile(None, f"{url}?sig=x", None, None, None)
            return await stage.node.run(stage.execution("true", resource_files=(file,)), ignore)

    assert failure(stage.wait(scene()))[0] == "ResourceContainerListMiscError"


def test_terminate_ends_a_download(stage: Stage) -> None:
    async def scene() -> Outcome:
        connected = asyncio.Event()

        async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connected.set()
            await reader.read()
            writer.close()

        server = await asyncio.start_server(never, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            file = ResourceFile(f"http://127.0.0.1:{port}/a", None, None, "a", None)
            execution = stage.execution("true", resource_files=(file,))
            work = asyncio.create_task(stage.node.run(execution, ignore))
            await connected.wait()
            await stage.node.terminate("task")
            return await work

    outcome = stage.wait(scene())
    assert outcome.failure is not None
    assert outcome.failure.code == "TaskEnded"
