"""A snapshot: the same tree is the same zip, and what can't be sent is refused in plain words."""

import hashlib
import os
import shutil
import tempfile
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from retrain.snapshot import Limits, Snapshot, SnapshotRefused, take_snapshot
from retrain.snapshot.archive import pack
from retrain.snapshot.ignore import NO_RULES
from retrain.snapshot.reading import PIECE, pieces
from retrain.snapshot.tree import files_below
from tests.unit.snapshot.test_ignore import plant


def names(snapshot: Snapshot) -> list[str]:
    with zipfile.ZipFile(snapshot.path) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def test_the_zip_holds_the_tree_and_is_named_by_its_content(tmp_path: Path) -> None:
    plant(tmp_path, "train.py", "src/größe/模型.py", "src/a.py", ".hidden")
    digest = hashlib.sha256(b"retrain code 1\n")
    for name in (".hidden", "src/a.py", "src/größe/模型.py", "train.py"):
        content = name.encode()  # each file holds its own name
        digest.update(b"100644 %d %d\n" % (len(content), len(content)) + content + content)
    with take_snapshot(tmp_path) as snapshot:
        assert snapshot.sha256 == digest.hexdigest()
        assert (snapshot.size, snapshot.files) == (snapshot.path.stat().st_size, 4)
        assert names(snapshot) == [".hidden", "src/a.py", "src/größe/模型.py", "train.py"]
    assert not snapshot.path.parent.exists()


def test_the_same_tree_is_the_same_snapshot_wherever_and_whenever(tmp_path: Path) -> None:
    here = plant(tmp_path / "here", "b.py", "a/c.py")
    there = plant(tmp_path / "there", "a/c.py", "b.py")
    os.utime(there / "b.py", (0, 0))
    (there / "empty").mkdir()
    (there / "b.py").chmod(0o600)
    with take_snapshot(here) as one, take_snapshot(there) as two:
        assert one.sha256 == two.sha256
    (there / "b.py").write_text("other")
    with take_snapshot(there) as three:
        assert three.sha256 != one.sha256


@pytest.mark.skipif(os.name == "nt", reason="no executable bit there")
def test_executable_bits_are_kept(tmp_path: Path) -> None:
    plant(tmp_path, "run.sh", "train.py")
    (tmp_path / "run.sh").chmod(0o711)
    with take_snapshot(tmp_path) as snapshot, zipfile.ZipFile(snapshot.path) as archive:
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    assert modes == {"run.sh": 0o100755, "train.py": 0o100644}


def test_one_file_is_code_too_whatever_lies_beside_it(tmp_path: Path) -> None:
    plant(tmp_path, "train.py", "other.py")
    (tmp_path / ".gitignore").write_text("train.py")
    with take_snapshot(tmp_path / "train.py") as snapshot:
        assert names(snapshot) == ["train.py"]


def test_links_inside_are_stored_as_what_they_lead_to(tmp_path: Path) -> None:
    plant(tmp_path, "lib/a.py", "lib/b.py")
    (tmp_path / "one.py").symlink_to("lib/a.py")
    (tmp_path / "again").symlink_to("lib", target_is_directory=True)
    with take_snapshot(tmp_path) as snapshot:
        assert names(snapshot) == ["again/a.py", "again/b.py", "lib/a.py", "lib/b.py", "one.py"]
        with zipfile.ZipFile(snapshot.path) as archive:
            assert archive.read("one.py") == b"lib/a.py"


def test_a_root_that_is_a_link_is_followed(tmp_path: Path) -> None:
    plant(tmp_path / "real", "a.py")
    (tmp_path / "link").symlink_to("real", target_is_directory=True)
    with take_snapshot(tmp_path / "link") as snapshot:
        assert names(snapshot) == ["a.py"]


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("../secret", "leads out of the code folder"),
        ("/etc/passwd", "leads out of the code folder, to /etc/passwd"),
        ("gone.py", "leads nowhere"),
        ("bad", "leads nowhere"),  # to itself
        (".", "without end"),
    ],
)
def test_a_bad_link_is_refused_unless_it_is_ignored(tmp_path: Path, target: str, says: str) -> None:
    plant(tmp_path, "secret", "code/a.py")
    (tmp_path / "code/bad").symlink_to(target)
    with pytest.raises(SnapshotRefused, match=says) as refused:
        take_snapshot(tmp_path / "code")
    assert "the line /bad in .amlignore" in refused.value.remedy
    (tmp_path / "code/.amlignore").write_text("/bad")
    with take_snapshot(tmp_path / "code") as snapshot:
        assert snapshot.files == 2


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SnapshotRefused, match="pipe is no file"):
        take_snapshot(tmp_path)


def test_too_much_says_what_is_heavy_and_how_to_leave_it_out(tmp_path: Path) -> None:
    plant(tmp_path, "train.py", ".venv/lib/x.so", "data/a.csv", "data/b.csv")
    (tmp_path / ".venv/lib/x.so").write_bytes(bytes(5_000_000))
    (tmp_path / "data/a.csv").write_bytes(bytes(1_000_000))
    with pytest.raises(SnapshotRefused) as refused:
        take_snapshot(tmp_path, Limits(bytes=3_000_000))
    assert "4 files of 6.0 MB (at most 2,000 files and 3.0 MB)" in refused.value.message
    assert ".venv/ (5.0 MB, 1 file), data/ (1.0 MB, 2 files)" in refused.value.message
    assert "in .amlignore beside the code" in refused.value.remedy
    (tmp_path / ".gitignore").write_text(".venv\n")
    with pytest.raises(SnapshotRefused, match=r"4 files of .* Most of it: data/ \(1\.0 MB, 2"):
        take_snapshot(tmp_path, Limits(files=3))


def test_an_ignored_folder_is_never_entered(tmp_path: Path) -> None:
    plant(tmp_path, "a.py", "huge/x")
    (tmp_path / "huge/loop").symlink_to("/proc")  # entering it would refuse the snapshot
    (tmp_path / ".gitignore").write_text("huge")
    with take_snapshot(tmp_path) as snapshot:
        assert snapshot.files == 2


@pytest.mark.parametrize("ignore", [None, "*"])
def test_nothing_to_send_is_an_error(tmp_path: Path, ignore: str | None) -> None:
    if ignore:
        (tmp_path / ".gitignore").write_text(ignore)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SnapshotRefused, match="has no file"):
        take_snapshot(tmp_path)


def test_missing_code_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SnapshotRefused, match="does not exist"):
        take_snapshot(tmp_path / "gone")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root reads everything; for a moment this process is somebody else."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(was)


@pytest.mark.skipif(os.name == "nt", reason="no modes there")
def test_an_unreadable_file_is_named() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder = Path(name)
        folder.chmod(0o755)
        plant(folder, "a.py")
        (folder / "a.py").chmod(0)
        unreadable = pytest.raises(SnapshotRefused, match=r"a\.py can't be read: Permission denied")
        with as_nobody(), unreadable:
            take_snapshot(folder)


def test_the_same_tree_is_the_same_zip_with_any_deflate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(tmp_path, "a.py")
    (tmp_path / "b.csv").write_bytes(b"1,2,3\n" * 500_000)
    with take_snapshot(tmp_path) as one:
        monkeypatch.setattr("retrain.snapshot.packing._LEVEL", 0)
        with take_snapshot(tmp_path) as two:
            assert (one.sha256, one.size != two.size) == (two.sha256, True)


def another_file(path: Path) -> None:
    path.unlink()
    path.write_text("unchanged")


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


CHANGES: dict[str, Callable[[Path], object]] = {
    "shorter": lambda path: path.write_text(""),
    "longer": lambda path: path.write_text("and more lines"),
    "rewritten": lambda path: path.write_text("changed!!"),
    "another file": another_file,
    "a pipe, which nobody writes to": a_pipe,
    "a link": a_link,
    "gone": Path.unlink,
}


@pytest.mark.skipif(os.name == "nt", reason="no such files there")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_changes_between_the_walk_and_the_reading(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    (tmp_path / "script.py").write_text("unchanged")
    os.utime(tmp_path / "script.py", (1, 1))
    (file,) = files_below(tmp_path, NO_RULES)
    change(tmp_path / "script.py")
    with pytest.raises(SnapshotRefused, match=r"script\.py (changed while|can't be read)"):
        pack([file])


def test_what_changes_while_it_is_read(tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(3 * PIECE))
    os.utime(large, (1, 1))
    (file,) = files_below(tmp_path, NO_RULES)
    reading = pieces(file)
    next(reading)
    with large.open("r+b") as writer:
        writer.write(b"1")
    with pytest.raises(SnapshotRefused, match=r"large\.bin changed while it was packed"):
        list(reading)


def test_a_refused_snapshot_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    plant(tmp_path / "code", "a.py")
    (file,) = files_below(tmp_path / "code", NO_RULES)
    shutil.rmtree(tmp_path / "code")
    with pytest.raises(SnapshotRefused):
        pack([file])
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_a_name_that_is_no_unicode_is_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.py")).write_text("")
    with pytest.raises(SnapshotRefused, match="no Unicode"):
        take_snapshot(tmp_path)


def test_memory_stays_small_however_large_the_file(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(60_000_000)
    tracemalloc.start()
    try:
        with take_snapshot(tmp_path) as snapshot:
            assert snapshot.size < 1_000_000
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_limit_above_what_a_walk_stops_at_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrain.snapshot.limits.ENOUGH", 3)
    plant(tmp_path, *(f"{number}.py" for number in range(6)))
    with take_snapshot(tmp_path, Limits(files=6)) as snapshot:
        assert snapshot.files == 6
    with pytest.raises(SnapshotRefused, match="more than 6 files"):
        take_snapshot(tmp_path, Limits(files=5))


@pytest.mark.skipif(os.name == "nt", reason="a folder's end there")
def test_a_backslash_in_a_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a\\b.py").write_text("")
    with pytest.raises(SnapshotRefused, match="backslash"):
        take_snapshot(tmp_path)
