"""Packing a build context: what travels, under which name, and what is refused."""

import hashlib
import os
import tarfile
from pathlib import Path

import pytest

from retrain.contexts import pack, pack_context
from retrain.contexts.pack import ContextRefused


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "context"
    (root / "src").mkdir(parents=True)
    (root / "data").mkdir()
    (root / "Dockerfile").write_text("FROM scratch\n")
    (root / "src/train.py").write_text("print()\n")
    (root / "data/big.bin").write_text("x" * 1000)
    (root / "data/keep.txt").write_text("y")
    return root


def names(folder: Path, dockerfile: str = "Dockerfile") -> list[str]:
    with pack_context(folder, dockerfile) as context, tarfile.open(context.path) as archive:
        assert context.files == len(archive.getnames())
        return archive.getnames()


def digest(folder: Path) -> str:
    with pack_context(folder) as context:
        return context.digest


def test_everything_travels_without_a_dockerignore(folder: Path) -> None:
    assert names(folder) == ["Dockerfile", "data/big.bin", "data/keep.txt", "src/train.py"]


def test_the_dockerignore_leaves_out_and_brings_back(folder: Path) -> None:
    (folder / ".dockerignore").write_text("data\n!data/keep.txt\n")
    assert names(folder) == [".dockerignore", "Dockerfile", "data/keep.txt", "src/train.py"]


def test_the_dockerfile_travels_even_if_it_is_left_out(folder: Path) -> None:
    (folder / "docker").mkdir()
    (folder / "docker/gpu.dockerfile").write_text("FROM scratch\n")
    (folder / ".dockerignore").write_text("*\n")
    assert names(folder, "docker/gpu.dockerfile") == [".dockerignore", "docker/gpu.dockerfile"]


def test_the_digest_is_that_of_the_tar_and_of_nothing_else(folder: Path, tmp_path: Path) -> None:
    with pack_context(folder) as context:
        import gzip

        content = gzip.decompress(context.path.read_bytes())
        assert hashlib.sha256(content).hexdigest() == context.digest
        first = context.digest
    assert not context.path.exists()
    moved = tmp_path / "elsewhere"
    folder.rename(moved)
    os.utime(moved / "src/train.py", (1, 1))
    (moved / "src/train.py").chmod(0o600)
    assert digest(moved) == first
    (moved / "src/train.py").chmod(0o755)
    executable = digest(moved)
    assert executable != first
    (moved / "src/train.py").write_text("print(1)\n")
    assert digest(moved) not in (first, executable)


def test_a_link_inside_stays_a_link(folder: Path) -> None:
    (folder / "train.py").symlink_to("src/train.py")
    with pack_context(folder) as context, tarfile.open(context.path) as archive:
        assert archive.getmember("train.py").linkname == "src/train.py"


LINKS = {"absolute": "/etc/passwd", "above": "../secret", "round about": "src/../../secret"}


@pytest.mark.parametrize("target", LINKS.values(), ids=LINKS)
def test_a_link_that_leads_out_is_refused(folder: Path, target: str) -> None:
    (folder.parent / "secret").write_text("s")
    (folder / "link").symlink_to(target)
    with pytest.raises(ContextRefused, match="leads out of the build context") as refused:
        pack_context(folder)
    assert refused.value.exit_code == 2
    (folder / ".dockerignore").write_text("link\n")
    assert "link" not in names(folder)


def test_a_link_through_a_folder_that_leads_out_is_refused(folder: Path) -> None:
    (folder / "a").symlink_to("..")
    with pytest.raises(ContextRefused, match="leads out"):
        pack_context(folder)


def test_what_is_no_file_is_refused(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(ContextRefused, match="pipe is no file"):
        pack_context(folder)


def test_a_dockerfile_that_is_not_there_is_told(folder: Path) -> None:
    with pytest.raises(ContextRefused, match=r"There is no file .*gpu/Dockerfile") as refused:
        pack_context(folder, "gpu/Dockerfile")
    assert "dockerfile_path" in refused.value.remedy


def test_too_much_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "MOST_BYTES", 1000)
    with pytest.raises(ContextRefused, match="too large: 4 files"):
        pack_context(folder)
