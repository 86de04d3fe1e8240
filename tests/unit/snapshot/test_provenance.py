"""Which commit the code is of, told by the real git, and no password told with it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from retrain.snapshot.provenance import git_properties, without_credentials

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is the judge here")


def git(folder: Path, *words: str) -> str:
    identity = {
        f"GIT_{who}_{what}": "a@b.c"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, **identity}
    done = subprocess.run(
        ["git", *words], cwd=folder, check=True, capture_output=True, text=True, env=environment
    )
    return done.stdout.strip()


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A committed script in the folder `src` of a repository, on branch `work`."""
    git(tmp_path, "init", "-q", "-b", "work")
    (tmp_path / "src").mkdir()
    (tmp_path / "src/train.py").write_text("pass")
    (tmp_path / "other.txt").write_text("beside")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path / "src"


@needs_git
def test_commit_branch_remote_and_whether_it_is_clean(code: Path) -> None:
    git(code, "remote", "add", "origin", "https://me:secret@example.org/team/repo.git")
    assert git_properties(code) == {
        "azureml.git.commit": git(code, "rev-parse", "HEAD"),
        "azureml.git.branch": "work",
        "azureml.git.repository_uri": "https://example.org/team/repo.git",
        "azureml.git.dirty": "False",
    }
    assert git_properties(code / "train.py") == git_properties(code)


@needs_git
@pytest.mark.parametrize(
    ("file", "dirty"),
    [("src/train.py", "True"), ("src/new.py", "True"), ("other.txt", "False")],
)
def test_dirty_is_what_lies_in_the_code_folder(code: Path, file: str, dirty: str) -> None:
    (code.parent / file).write_text("changed")
    assert git_properties(code)["azureml.git.dirty"] == dirty


@needs_git
def test_what_is_not_there_is_not_told(
    code: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    git(code, "checkout", "-q", "--detach")
    assert set(git_properties(code)) == {"azureml.git.commit", "azureml.git.dirty"}
    assert git_properties(tmp_path_factory.mktemp("bare")) == {}


@needs_git
def test_the_remote_is_the_one_that_the_branch_follows(code: Path) -> None:
    git(code, "remote", "add", "origin", "git@example.org:team/fork.git")
    git(code, "remote", "add", "upstream", "git@example.org:team/repo.git")
    git(code, "config", "branch.work.remote", "upstream")
    told = git_properties(code)["azureml.git.repository_uri"]
    assert told == "git@example.org:team/repo.git"


def test_without_git_there_is_nothing_to_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_properties(tmp_path) == {}


ADDRESSES = {
    "https://example.org/a.git": "https://example.org/a.git",
    "https://user:pass@example.org:8443/a.git?token=x#y": "https://example.org:8443/a.git",
    "https://token@example.org/a.git": "https://example.org/a.git",
    "https://user:p%40ss@[::1]:80/a": "https://[::1]:80/a",
    "ssh://git:pass@example.org/a.git": "ssh://git@example.org/a.git",
    "git@example.org:team/a.git": "git@example.org:team/a.git",
    "user:pass@example.org:team/a.git": "user@example.org:team/a.git",
    "example.org:team/a.git": "example.org:team/a.git",
    "/srv/git/a.git": "/srv/git/a.git",
    "https://user:pass@example.org:port/a": "",
}


@pytest.mark.parametrize(("address", "told"), ADDRESSES.items())
def test_no_password_leaves_the_machine(address: str, told: str) -> None:
    assert without_credentials(address) == told
