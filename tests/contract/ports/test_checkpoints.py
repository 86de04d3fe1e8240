"""What the program on the node keeps of ./checkpoints, against the real service's protocol."""

import ast
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from shared.azure.blob_links import BlobLinks
from shared.node import checkpoints, saver
from shared.node.checkpoints import FOLDER, LEFT, Saver, Store


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoints, "PAUSES", (0,))
    (tmp_path / FOLDER).mkdir()
    return tmp_path / FOLDER


@pytest.fixture
def container(service: BlobServiceClient, tmp_path: Path) -> ContainerClient:
    name = "checkpoints-" + "".join(c for c in tmp_path.name.lower() if c.isalnum())[-40:]
    return service.create_container(name)


def address(service: BlobServiceClient, container: ContainerClient) -> str:
    links = BlobLinks(service, str(service.credential.account_key), lambda: datetime.now(UTC))
    return links.keeping(container.container_name, timedelta(hours=1))


@pytest.fixture
def url(service: BlobServiceClient, container: ContainerClient) -> str:
    return address(service, container)


def kept(container: ContainerClient) -> dict[str, bytes]:
    names = list(container.list_blob_names())
    return {name: container.download_blob(name).readall() for name in names}


def write(path: Path, text: str, at: int) -> None:
    """at: seconds since 1970 when it was changed, so that no test depends on a clock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))


def looks(one: Saver, count: int = 2) -> None:
    for _ in range(count):
        one.look()


def test_a_file_is_kept_once_it_is_quiet(
    folder: Path, container: ContainerClient, url: str
) -> None:
    mine = Saver(Store(url, 1))
    write(folder / "deep er" / "a=1&ü.pt", "12", 1)
    mine.look()
    assert kept(container) == {}, "it may be half of it"
    write(folder / "deep er" / "a=1&ü.pt", "1234", 2)
    mine.look()
    assert kept(container) == {}
    mine.look()
    assert kept(container) == {"deep er/a=1&ü.pt": b"1234"}
    write(folder / "deep er" / "a=1&ü.pt", "56", 3)
    looks(mine)
    assert kept(container) == {"deep er/a=1&ü.pt": b"56"}


def test_what_points_to_another_comes_after_it(
    folder: Path, container: ContainerClient, url: str
) -> None:
    mine = Saver(Store(url, 1))
    write(folder / "model-1", "one", 1)
    write(folder / "latest", "model-1", 2)
    looks(mine)
    assert kept(container) == {"model-1": b"one", "latest": b"model-1"}
    (folder / "model-1").unlink()
    write(folder / "model-2", "tw", 3)
    write(folder / "latest", "model-2", 5)
    mine.look()
    write(folder / "model-2", "two", 4)  # not quiet: what was changed after it has to wait
    mine.look()
    assert kept(container) == {"model-1": b"one", "latest": b"model-1"}
    mine.look()
    assert kept(container) == {"model-2": b"two", "latest": b"model-2"}


def test_a_file_that_changes_while_it_is_read_is_not_kept(
    folder: Path, container: ContainerClient, url: str
) -> None:
    store = Store(url, 1)
    write(folder / "a", "12", 1)
    assert not store.put("a", (2, 7)), "another time of change than it has by now"
    assert not store.put("a", (1, 1_000_000_000))
    assert kept(container) == {}


@pytest.mark.parametrize("size", [0, 10, 11, 35])
def test_what_is_large_goes_in_pieces_and_is_there_as_a_whole(
    folder: Path, container: ContainerClient, url: str, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(checkpoints, "PIECE", 10)
    text = "".join(chr(65 + n) for n in range(size))
    write(folder / "big", text, 1)
    mine = Saver(Store(url, 1))
    mine.restored = {}
    looks(mine)
    assert kept(container) == {"big": text.encode()}
    write(folder / "big", text + "!", 2)
    looks(mine)
    assert kept(container) == {"big": f"{text}!".encode()}


def test_what_was_restored_is_not_kept_anew(
    folder: Path, container: ContainerClient, url: str
) -> None:
    container.upload_blob("a", b"1")
    before = container.get_blob_client("a").get_blob_properties().etag
    write(folder / "a", "1", 1)
    write(folder / "of-the-code", "2", 1)  # came with the job's code: nobody kept it yet
    mine = Saver(Store(url, 2))
    looks(mine)
    assert container.get_blob_client("a").get_blob_properties().etag == before
    assert kept(container) == {"a": b"1", "of-the-code": b"2"}
    (folder / "a").unlink()
    looks(mine)
    assert kept(container) == {"of-the-code": b"2"}


def test_an_attempt_that_was_replaced_writes_no_more(
    folder: Path, container: ContainerClient, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = Saver(Store(url, 1))
    write(folder / "state", "first", 1)
    looks(first)
    second = Saver(Store(url, 2))
    write(folder / "state", "late words of the first", 2)
    looks(first)  # its successor has kept nothing yet, so it still may
    write(folder / "state", "second", 3)
    looks(second)
    assert kept(container) == {"state": b"second"}
    write(folder / "state", "of a zombie", 4)
    first.seen = checkpoints.scan()
    assert first.look()
    assert kept(container) == {"state": b"second"}
    assert "a later attempt keeps the checkpoints now" in capsys.readouterr().err
    (folder / "state").unlink()
    assert first.look()
    assert kept(container) == {"state": b"second"}


def test_what_can_not_be_kept_is_left_for_batch(
    folder: Path, container: ContainerClient, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = Saver(Store(url, 1))
    write(folder / "a", "1", 1)
    container.delete_container()
    mine.finish()
    assert (folder.parent / LEFT / "a").read_text() == "1"
    assert not folder.exists()
    said = capsys.readouterr().err
    assert said.count("could not be kept") == 1
    assert "404 ContainerNotFound" in said
    assert "sig=" not in said


def ran(url: str, *command: str) -> "subprocess.CompletedProcess[str]":
    """The program as it travels, alone."""
    told = {"PATH": os.environ["PATH"], "RETRAIN_CHECKPOINTS": url, "RETRAIN_ATTEMPT": "1"}
    program = [sys.executable, "-I", "-S", "-c", saver()]
    return subprocess.run(
        [*program, *command], env=told, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_command_is_run_as_it_is(folder: Path, container: ContainerClient, url: str) -> None:
    script = "echo out; echo 1 > checkpoints/a; ln -s a checkpoints/link; env; exit 75"
    done = ran(url, "/bin/sh", "-c", script)
    assert done.returncode == 75
    assert done.stdout.startswith("out\n")
    assert "sig=" not in done.stdout, "the command is not given the key"
    assert done.stderr == ""
    assert kept(container) == {"a": b"1\n"}, "what is there in the end is kept, but no links"
    assert ran(url, "/bin/sh", "-c", "kill -9 $$").returncode == 137


def test_a_signal_reaches_the_command(folder: Path, container: ContainerClient, url: str) -> None:
    """As when the task is ended with a moment to spare: what the script then writes is kept."""
    script = "trap 'echo saved > checkpoints/last; exit 3' TERM; kill -TERM $PPID; sleep 60 & wait"
    assert ran(url, "/bin/sh", "-c", script).returncode == 3
    assert kept(container) == {"last": b"saved\n"}


def test_it_is_one_text_for_any_python_from_3_7_on() -> None:
    tree = ast.parse(saver(), feature_version=(3, 7))
    names = {n.name for node in ast.walk(tree) if isinstance(node, ast.Import) for n in node.names}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names
    assert "shared" not in saver()
    assert len(saver()) < 32_768, "a variable's text has a limit"
