"""The ignore file is read as git reads it: a table of its known corners, then git itself."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrain.snapshot.ignore import NEVER, Rules, read_rules
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


#: Letters of patterns and paths that mean something to somebody: to git, to a regular expression,
#: to a reader of lines, or in bytes (`ü` has two).
LETTERS = st.sampled_from("aab.*?-!#\\ []xü\t$+(")
PARTS = st.one_of(
    st.sampled_from(["**", "*", "a", "b", "ab", "*.a", "a*", "[ab]", "a**b", "[a-b]x", "#x", "?"]),
    st.sampled_from(
        ["[!a]", "[^ab]", "[]a]", "[]-a]", "[\\]]", "[[:alpha:]]", "[[:no:]]", "[b-a]"]
    ),
    st.text(LETTERS, min_size=1, max_size=3),
)
LINES = st.builds(
    lambda mark, anchor, parts, end: mark + anchor + "/".join(parts) + end,
    st.sampled_from(["", "", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(PARTS, min_size=1, max_size=3),
    st.sampled_from(["", "", "/", " ", "\\ ", "\r"]),
)
NAMES = st.text(st.sampled_from("aab.-!# []xü\t$+("), min_size=1, max_size=3).filter(
    lambda name: name not in (".", "..") and name not in NEVER
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True, env=GIT)
    return root


GIT = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull}


def ignored_by_git(repository: Path, paths: list[str]) -> set[str]:
    """`git check-ignore` says it of paths that need not exist; of folders with a slash."""
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin", "-z"],
        cwd=repository,
        input="\0".join(paths).encode(),
        capture_output=True,
        check=False,
        env=GIT,
    )
    assert done.returncode in (0, 1), done.stderr
    return set(done.stdout.decode().split("\0")) - {""}


def ignored_by_us(rules: Rules, path: str) -> bool:
    """As the walk asks: from the top down, and not below what is ignored."""
    parts = path.split("/")
    folders = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
    above = any(rules.ignored(folder, folder=True) for folder in folders)
    return above or rules.ignored(path, folder=False)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is the judge here")
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINES, max_size=5), paths=st.sets(PATHS, min_size=1, max_size=40))
def test_patterns_mean_what_they_mean_to_git(
    repository: Path, lines: list[str], paths: set[str]
) -> None:
    (repository / ".gitignore").write_bytes("\n".join(lines).encode())
    rules = read_rules(repository)
    ours = {path for path in paths if ignored_by_us(rules, path)}
    assert ours == ignored_by_git(repository, sorted(paths))
