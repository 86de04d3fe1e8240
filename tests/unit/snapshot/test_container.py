"""The zip's own structure, read by other programs: the standard library's zipfile, and unzip."""

import os
import shutil
import subprocess
import zipfile
import zlib
from pathlib import Path

import pytest

from retrain.snapshot import take_snapshot
from retrain.snapshot.container import STORED, ZipContainer

FILE = 0o100644
FAR = 5_000_000_000  # bytes, beyond what 32 bits can tell


def test_more_files_than_the_short_form_can_count(tmp_path: Path) -> None:
    with (tmp_path / "many.zip").open("wb") as file:
        container = ZipContainer(file)
        for number in range(65_600):
            container.whole(str(number), FILE, 0, STORED, 0, b"")
        container.finish()
    with zipfile.ZipFile(tmp_path / "many.zip") as archive:
        assert len(archive.infolist()) == 65_600


@pytest.mark.skipif(os.name == "nt", reason="no sparse file there unless asked for")
def test_sizes_and_places_beyond_four_gibibytes(tmp_path: Path) -> None:
    path = tmp_path / "far.zip"
    with path.open("wb") as file:
        container = ZipContainer(file)
        entry = container.begin("large", FILE, FAR)
        entry.method = STORED
        file.seek(FAR, os.SEEK_CUR)  # a hole, which reads as zeros
        entry.packed = FAR
        container.end(entry)
        container.whole("after", FILE, 4, STORED, zlib.crc32(b"text"), b"text")
        assert container.finish() == file.tell()
    with zipfile.ZipFile(path) as archive:
        large, after = archive.infolist()
        assert (large.file_size, large.compress_size) == (FAR, FAR)
        assert archive.read(after) == b"text"
        with archive.open(large) as content:
            assert content.read(3) == bytes(3)


@pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is the judge here")
def test_unzip_finds_no_fault(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "größe.py").write_text("pass")
    (code / "empty").touch()
    (code / "large.bin").write_bytes(os.urandom(2_500_000) + bytes(2_500_000))
    with take_snapshot(code) as snapshot:
        words = ["unzip", "-t", str(snapshot.path)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "No errors detected" in done.stdout
