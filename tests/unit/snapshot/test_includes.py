"""additional_includes: what lies elsewhere comes into the root of the code, or it is an error."""

import io
import zipfile
from pathlib import Path

import pytest

from retrain.snapshot import Limits, SnapshotRefused, take_snapshot
from tests.unit.snapshot.test_ignore import plant


def names(code: Path | None, *includes: Path, limits: Limits | None = None) -> list[str]:
    with (
        take_snapshot(code, limits or Limits(), includes) as snapshot,
        zipfile.ZipFile(snapshot.path) as archive,
    ):
        assert archive.testzip() is None
        return archive.namelist()


def test_files_and_folders_come_under_their_own_names(tmp_path: Path) -> None:
    plant(tmp_path, "src/train.py", "lib/a.py", "lib/deep/b.py", "config.json")
    found = names(tmp_path / "src", tmp_path / "lib", tmp_path / "src/../config.json")
    assert found == ["config.json", "lib/a.py", "lib/deep/b.py", "train.py"]


def test_code_that_is_only_includes(tmp_path: Path) -> None:
    plant(tmp_path, "lib/a.py")
    assert names(None, tmp_path / "lib") == ["lib/a.py"]


def test_an_included_folder_has_its_own_ignore_file(tmp_path: Path) -> None:
    plant(tmp_path, "src/train.py", "lib/a.py", "lib/data/x.csv", "lib/data/deep/y.csv")
    (tmp_path / "src/.amlignore").write_text("a.py")
    (tmp_path / "lib/.gitignore").write_text("/data")
    found = names(tmp_path / "src", tmp_path / "lib")
    assert found == [".amlignore", "lib/.gitignore", "lib/a.py", "train.py"]


def test_a_zip_is_a_file_when_it_exists_and_else_the_folder_zipped(tmp_path: Path) -> None:
    plant(tmp_path, "src/train.py", "there.zip", "there/x.py", "lib/a.py", "lib/skip.py")
    (tmp_path / "lib/.amlignore").write_text("skip.py\n.amlignore")
    found = [tmp_path / "there.zip", tmp_path / "lib.zip"]
    with take_snapshot(tmp_path / "src", includes=found) as snapshot:
        with zipfile.ZipFile(snapshot.path) as archive:
            assert archive.namelist() == ["lib.zip", "there.zip", "train.py"]
            assert archive.read("there.zip") == b"there.zip"
            with zipfile.ZipFile(io.BytesIO(archive.read("lib.zip"))) as inner:
                assert inner.namelist() == ["lib/a.py"]
        first = snapshot.sha256
    with take_snapshot(tmp_path / "src", includes=found) as snapshot:
        assert snapshot.sha256 == first


CONFLICTS = {
    "with the code": (["src/lib/x.py", "lib/a.py"], ["lib"], "lib, which the code folder has"),
    "with a file of the code": (["src/lib", "lib/a.py"], ["lib"], "which the code folder has"),
    "of two": (["src/a.py", "x/lib/a.py", "y/lib/b.py"], ["x/lib", "y/lib"], "x/lib has already"),
    "twice the same": (["src/a.py", "lib/b.py"], ["lib", "lib"], "has already"),
}


@pytest.mark.parametrize(("planted", "includes", "says"), CONFLICTS.values(), ids=CONFLICTS)
def test_a_conflict_is_an_error(
    tmp_path: Path, planted: list[str], includes: list[str], says: str
) -> None:
    plant(tmp_path, *planted)
    with pytest.raises(SnapshotRefused, match=says):
        names(tmp_path / "src", *(tmp_path / name for name in includes))


def test_includes_count_for_the_limits_and_links_stay_inside_each(tmp_path: Path) -> None:
    plant(tmp_path, "src/a.py", "lib/a.py", "lib/b.py")
    with pytest.raises(SnapshotRefused, match=r"3 files .* Most of it: lib/"):
        names(tmp_path / "src", tmp_path / "lib", limits=Limits(files=2))
    (tmp_path / "lib/out").symlink_to("../src/a.py")
    with pytest.raises(SnapshotRefused, match="leads out of the code folder"):
        names(tmp_path / "src", tmp_path / "lib")


@pytest.mark.parametrize("name", ["gone", "gone.zip", "/"])
def test_an_include_that_is_not_there(tmp_path: Path, name: str) -> None:
    plant(tmp_path, "src/a.py")
    with pytest.raises(SnapshotRefused, match="additional_includes: "):
        names(tmp_path / "src", tmp_path / name)
