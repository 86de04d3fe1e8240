"""The ignore file is read as git reads it: a table of its known corners, then git itself."""

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from retrain.snapshot.ignore import read_rules
from retrain.snapshot.tree import files_below


def plant(root: Path, *names: str) -> Path:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return root


def kept(root: Path) -> set[str]:
    return {file.name for file in files_below(root.resolve(), read_rules(root))}


CASES = {
    "a name at any depth": ("x.log", {"a/b.py", "data/a.csv", "keep/x.py"}),
    "a folder": ("data/", {"a/b.py", "keep/x.py", "x.log", "a/x.log"}),
    "anchored": ("/x.log", {"a/b.py", "data/a.csv", "keep/x.py", "a/x.log"}),
    "all but one": ("*\n!*/\n!*.py", {"a/b.py", "keep/x.py"}),
    "nothing comes back from an ignored folder": (
        "/data/\n!/data/a.csv",
        {"a/b.py", "keep/x.py", "x.log", "a/x.log"},
    ),
    "a later line wins": ("*.log\n!/x.log", {"a/b.py", "data/a.csv", "keep/x.py", "x.log"}),
    "two stars": ("**/x.*", {"a/b.py", "data/a.csv"}),
    "comments, blanks, a mark and DOS line ends": (
        "\ufeffx.log\r\n\r\n# data/\r\n!\r\n",
        {"a/b.py", "data/a.csv", "keep/x.py"},
    ),
}


@pytest.mark.parametrize(("patterns", "stays"), CASES.values(), ids=CASES)
def test_ignore_file(tmp_path: Path, patterns: str, stays: set[str]) -> None:
    plant(tmp_path, "a/b.py", "data/a.csv", "keep/x.py", "x.log", "a/x.log")
    (tmp_path / ".gitignore").write_bytes(patterns.encode())
    assert kept(tmp_path) - {".gitignore"} == stays


def test_amlignore_wins_and_gitignore_is_not_read(tmp_path: Path) -> None:
    plant(tmp_path, "a.py", "b.py")
    (tmp_path / ".gitignore").write_text("a.py")
    (tmp_path / ".amlignore").write_text("b.py")
    assert kept(tmp_path) == {"a.py", ".gitignore", ".amlignore"}


def test_an_ignore_file_deeper_down_is_a_file_like_others(tmp_path: Path) -> None:
    plant(tmp_path, "deep/a.py")
    (tmp_path / "deep/.gitignore").write_text("a.py")
    assert kept(tmp_path) == {"deep/a.py", "deep/.gitignore"}


def test_history_and_compiled_code_never_travel(tmp_path: Path) -> None:
    plant(tmp_path, ".git/HEAD", "sub/.git", "__pycache__/a.pyc", "sub/__pycache__/b.pyc", "a.py")
    (tmp_path / ".amlignore").write_text("!.git\n!__pycache__")
    assert kept(tmp_path) == {"a.py", ".amlignore"}


NAMES = ("a", "b", "ab", "c.py", "d.txt", "[x]", "a b", " s")
PARTS = (*NAMES, "*", "**", "?", "*.py", "a*", "[ab]", "[!a]", "[a-c].py", "\\[x\\]", "a**b", "#x")


def _pattern(dice: random.Random) -> str:
    line = "/".join(dice.choice(PARTS) for _ in range(dice.randint(1, 3)))
    line = ("!" if dice.random() < 0.35 else "") + ("/" if dice.random() < 0.25 else "") + line
    return line + ("/" if dice.random() < 0.3 else "") + (" " if dice.random() < 0.1 else "")


@pytest.mark.skipif(shutil.which("git") is None, reason="git is the judge here")
@pytest.mark.parametrize("seed", range(4))
def test_random_patterns_mean_what_they_mean_to_git(tmp_path: Path, seed: int) -> None:
    plant(tmp_path, *(f"{d1}/{d2}/{f}" for d1 in NAMES for d2 in ("a", "ab") for f in NAMES[2:]))
    plant(tmp_path, "top.py", "b.txt", *(f"{d}/d.txt" for d in NAMES[:3]))
    environ = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True, env=environ)
    dice = random.Random(seed)
    for _ in range(15):
        lines = [_pattern(dice) for _ in range(dice.randint(1, 5))]
        (tmp_path / ".gitignore").write_text("\n".join(lines))
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--others", "--exclude-per-directory=.gitignore"],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            env=environ,
        )
        assert kept(tmp_path) == set(listed.stdout.decode().split("\0")) - {""}, lines
