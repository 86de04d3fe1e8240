"""The script that unpacks code on the node: what it writes, and what it refuses to."""

import hashlib
import os
import stat
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import pytest

from retrain.snapshot import take_snapshot
from shared.azure.batch_models import _UNPACK
from tests.unit.snapshot.test_ignore import plant


def unpack(node: Path, sha256: str) -> subprocess.CompletedProcess[str]:
    """As the preparation task runs it."""
    words = [sys.executable, "-I", "-S", "-c", _UNPACK]
    environment = {"RETRAIN_SNAPSHOT": sha256, "PATH": os.environ["PATH"]}
    return subprocess.run(
        words, cwd=node, env=environment, capture_output=True, text=True, check=False
    )


def test_what_was_packed_is_there_with_its_modes(tmp_path: Path) -> None:
    code, node = plant(tmp_path / "code", "run.sh", "a/größe/模型.py", "empty"), tmp_path / "node"
    (code / "run.sh").chmod(0o755)
    (code / "empty").write_bytes(b"")
    (code / "large.bin").write_bytes(os.urandom(1_500_000) + b"text " * 500_000)
    node.mkdir()
    with take_snapshot(code) as snapshot:
        (node / "code.zip").write_bytes(snapshot.path.read_bytes())
    done = unpack(node, snapshot.sha256)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (node / "code.zip").exists()
    for file in code.rglob("*"):
        if file.is_file():
            there = node / "code" / file.relative_to(code)
            assert there.read_bytes() == file.read_bytes()
            assert bool(there.stat().st_mode & stat.S_IXUSR) == (file.name == "run.sh")


def test_a_snapshot_that_was_named_by_its_bytes_is_still_taken(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("a.py", "pass")
    sha256 = hashlib.sha256((tmp_path / "code.zip").read_bytes()).hexdigest()
    assert unpack(tmp_path, sha256).returncode == 0
    assert (tmp_path / "code/a.py").read_text() == "pass"


def test_another_content_than_the_name_says_is_refused(tmp_path: Path) -> None:
    plant(tmp_path / "code-here", "a.py")
    with take_snapshot(tmp_path / "code-here") as snapshot:
        (tmp_path / "code.zip").write_bytes(snapshot.path.read_bytes())
    done = unpack(tmp_path, "0" * 64)
    assert done.returncode == 1
    assert "The snapshot is damaged: its SHA-256 is " + snapshot.sha256 in done.stderr


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04 and then nothing"])
def test_what_is_no_zip_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "code.zip").write_bytes(content)
    done = unpack(tmp_path, "0" * 64)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "The snapshot is damaged" in done.stderr


SLIPS = {
    "up": ["../evil.py"],
    "up inside": ["a/../../evil.py"],
    "absolute": ["/tmp/evil.py"],
    "backslashes": ["..\\evil.py"],
    "a drive": ["c:/evil.py"],
    "here": ["./a.py"],
    "an empty part": ["a//b.py"],
    "twice": ["a.py", "a.py"],
}


@pytest.mark.parametrize("names", SLIPS.values(), ids=SLIPS)
def test_a_zip_that_slips_writes_nothing(tmp_path: Path, names: list[str]) -> None:
    node = tmp_path / "node"
    node.mkdir()
    with zipfile.ZipFile(node / "code.zip", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of a name twice
        for name in ["good.py", *names]:
            archive.writestr(zipfile.ZipInfo(name), "evil")
    sha256 = hashlib.sha256((node / "code.zip").read_bytes()).hexdigest()
    done = unpack(node, sha256)
    assert done.returncode == 1
    assert "is no safe entry of a zip" in done.stderr
    assert [*tmp_path.rglob("*.py")] == []


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("link")
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    sha256 = hashlib.sha256((tmp_path / "code.zip").read_bytes()).hexdigest()
    done = unpack(tmp_path, sha256)
    assert (done.returncode, "is no safe entry" in done.stderr) == (1, True)
