"""Uploads and downloads: every byte, no byte twice by accident, and the key stays with the API."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from retrain.client import BadSource, Client, TransferFailed, UnsafePath
from retrain.client.download import safe_target
from retrain.client.parallel import in_parallel
from retrain.client.sources import local_files
from retrain.client.upload import BLOCK, Upload, block_size, parts_of, upload_all
from retrain.snapshot import take_snapshot
from tests.unit.cli.api_server import ApiServer
from tests.unit.cli.blob_storage import md5_of


@pytest.fixture
def blobs() -> Iterator[httpx.Client]:
    with httpx.Client() as blobs:
        yield blobs


def grant(server: ApiServer, path: str = "data/x") -> dict[str, object]:
    headers = {"x-ms-blob-type": "BlockBlob"}
    return {"url": f"{server.endpoint}/blob/{path}?sig=a%2Bb", "headers": headers}


def test_a_snapshot_travels_once(server: ApiServer, client: Client, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("pass")
    counts: list[int] = []
    with take_snapshot(tmp_path) as snapshot:
        uri = client.ensure_snapshot(snapshot, counts.append)
        assert sum(counts) == snapshot.size
        assert client.ensure_snapshot(snapshot, counts.append) == uri
        assert sum(counts) == snapshot.size
        content = snapshot.path.read_bytes()
    path = f"/blob/snapshots/{snapshot.sha256}.zip"
    assert server.blobs[path] == content
    assert server.storage.md5[path] == md5_of(content)


def test_two_who_upload_the_same_snapshot_are_both_content(
    server: ApiServer, blobs: httpx.Client, tmp_path: Path
) -> None:
    (tmp_path / "x").write_text("x")
    given = grant(server)
    given["headers"] = {"x-ms-blob-type": "BlockBlob", "If-None-Match": "*"}
    for _ in range(2):
        upload_all(blobs, [Upload(local_files(tmp_path / "x")[0], given)])
    assert server.blobs["/blob/data/x"] == b"x"


def test_inputs_are_stored_by_content(server: ApiServer, client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "wine"
    for name in ("a.csv", "b/ü ü.csv", ".hidden"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "link").symlink_to("a.csv")
    uri = client.upload_inputs(folder)
    assert uri.endswith("/")
    place = "/blob/snapshots/" + uri.partition("/paths/")[2]
    assert set(server.blobs) == {place + name for name in ("a.csv", "b/ü ü.csv", ".hidden", "link")}
    assert client.upload_inputs(folder) == uri
    assert len(server.requests("PUT", "/blob/.*")) == 4
    (folder / "a.csv").write_text("other")
    assert client.upload_inputs(folder) != uri
    assert client.upload_inputs(folder / "a.csv").endswith("/a.csv")


def test_many_files_are_asked_for_in_portions(
    server: ApiServer, client: Client, tmp_path: Path
) -> None:
    for number in range(1_100):
        (tmp_path / f"{number}").touch()
    client.upload_inputs(tmp_path)
    assert len(server.requests("POST", "/api/inputs")) == 2
    assert len(server.blobs) == 1_100
    assert max(int(s.headers["content-length"]) for s in server.seen) < 1 << 20


def test_a_large_file_goes_as_blocks(
    server: ApiServer, blobs: httpx.Client, tmp_path: Path
) -> None:
    content = os.urandom(2 * BLOCK + 5)
    (tmp_path / "large").write_bytes(content)
    server.fail("PUT", "/blob/data/x", 503)
    counts: list[int] = []
    file = local_files(tmp_path / "large")[0]
    upload_all(blobs, [Upload(file, grant(server))], counts.append, single=BLOCK)
    assert server.blobs["/blob/data/x"] == content
    assert server.storage.md5["/blob/data/x"] == file.md5
    assert sum(counts) == len(content)
    puts = server.requests("PUT", "/blob/data/x")
    assert len(puts) == 3 + 1 + 1  # blocks, one again, the list
    assert all("transfer-encoding" not in put.headers for put in puts)


def test_blocks_never_exceed_what_the_service_takes(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(BLOCK * 3)
    upload = Upload(local_files(tmp_path / "huge")[0], {})
    assert [part.size for part in parts_of(upload, single=0)] == [BLOCK] * 3
    terabyte = 1 << 40
    assert terabyte / block_size(terabyte) <= 50_000


def test_an_upload_that_breaks_is_taken_back_and_repeated(
    server: ApiServer, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(bytes(1_000_000))
    server.fail("PUT", "/blob/data/x", 500, times=2)
    counts: list[int] = []
    client.upload_data(tmp_path / "x", progress=counts.append)
    assert sum(counts) == 1_000_000
    assert len(server.blobs["/blob/data/x"]) == 1_000_000


def test_an_upload_that_is_refused_says_what_to_do(
    server: ApiServer, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "x").write_text("x")
    server.fail("PUT", "/blob/data/x", 403)
    with pytest.raises(TransferFailed, match="refused the upload of x: 403") as refused:
        client.upload_data(tmp_path / "x")
    assert "run the command again" in refused.value.remedy


def test_a_file_that_changes_is_not_stored_as_what_it_was(
    server: ApiServer, blobs: httpx.Client, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(bytes(BLOCK + 1))
    upload = Upload(local_files(tmp_path / "x")[0], grant(server))
    for content in (b"1" * (BLOCK + 1), b"short"):
        (tmp_path / "x").write_bytes(content)
        for single in (1, BLOCK * 2):
            with pytest.raises(BadSource, match="changed while it was uploaded"):
                upload_all(blobs, [upload], single=single)
    assert server.blobs == {}


SOURCES = {"gone": "does not exist", "empty": "has no file", "pipe": "is no file"}


@pytest.mark.parametrize(("name", "says"), SOURCES.items())
def test_sources_that_are_none(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadSource, match=says):
        local_files(tmp_path / name)


def test_a_link_to_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    (tmp_path / "top/link").symlink_to("/proc")
    with pytest.raises(BadSource, match="is a link to a folder"):
        local_files(tmp_path / "top")


def test_the_key_never_reaches_blob_storage(
    server: ApiServer, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "x").write_text("x")
    server.add_run("r1")
    server.outputs["r1", "stdout.txt"] = b"hello"
    client.upload_data(tmp_path / "x")
    client.download("r1", tmp_path / "into")
    at_blobs = [seen for seen in server.seen if seen.path.startswith("/blob/")]
    assert len(at_blobs) == 2
    assert not any("x-functions-key" in seen.headers for seen in at_blobs)
    assert all(seen.query.endswith(("sig=a%2Bb%3D", "sig=a%2Bb")) for seen in at_blobs)


def test_a_download_that_breaks_goes_on_where_it_was(
    server: ApiServer, client: Client, tmp_path: Path
) -> None:
    content = os.urandom(600_000)
    server.add_run("r1")
    server.outputs["r1", "outputs/model"] = content
    server.fail("GET", "/blob/.*", 0, sent=400_000)
    counts: list[int] = []
    (written,) = client.download("r1", tmp_path, counts.append)
    assert written.read_bytes() == content
    assert sum(counts) == len(content)
    second = server.requests("GET", "/blob/.*")[1].headers
    assert second["range"].startswith("bytes=")
    assert "if-match" in second
    assert [path.name for path in written.parent.iterdir()] == ["model"]


def test_a_download_of_a_file_that_changed_meanwhile_starts_anew(
    server: ApiServer, client: Client, tmp_path: Path
) -> None:
    server.add_run("r1")
    server.outputs["r1", "stdout.txt"] = b"a" * 500_000
    files = client.outputs("r1")
    server.fail("GET", "/blob/.*", 0, sent=400_000)
    counts: list[int] = []

    def count(number: int) -> None:
        counts.append(number)
        server.outputs["r1", "stdout.txt"] = b"b" * 500_001

    (written,) = client.download("r1", tmp_path, count, files)
    assert written.read_bytes() == b"b" * 500_001
    assert sum(counts) == 500_001


def test_a_download_that_fails_leaves_what_was_there(
    server: ApiServer, client: Client, tmp_path: Path
) -> None:
    server.add_run("r1")
    server.outputs["r1", "model"] = b"new"
    (tmp_path / "model").write_bytes(b"old")
    server.fail("GET", "/blob/.*", 403)
    with pytest.raises(TransferFailed, match="refused the download of model: 403"):
        client.download("r1", tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"model": b"old"}


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../../x", "a//b", "", ".", "..", "a/./b", "a\0b"]
)
def test_a_path_that_leads_out_is_refused_before_anything_is_written(
    server: ApiServer, client: Client, tmp_path: Path, path: str
) -> None:
    with pytest.raises(UnsafePath):
        safe_target(tmp_path, path)
    server.add_run("r1")
    server.outputs |= {("r1", "fine"): b"", ("r1", path): b"bad"}
    with pytest.raises(UnsafePath):
        client.download("r1", tmp_path / "into")
    assert not (tmp_path / "into").exists()


def test_the_first_failure_ends_the_others() -> None:
    done: list[int] = []

    def work(item: int, report: object) -> None:
        if item == 0:
            raise TransferFailed("no", "")
        done.append(item)

    with pytest.raises(TransferFailed):
        in_parallel(work, range(10_000))
    assert len(done) < 10_000
