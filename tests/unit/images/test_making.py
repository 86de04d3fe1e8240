"""The build's log: its end, and what a program complained of in it."""

from pathlib import Path

import pytest

from retrain.local.images.container_images import _for_build
from retrain.local.images.making import TAIL_LINES, BuildFailed, BuildLog

SAID = {
    "uv": ("error: No solution found\n  cause: there is no six==99", "No solution found there is"),
    "pip": ("Collecting x\nERROR: No matching distribution for x\n", "No matching distribution"),
    "podman": ('error: no pip\nError: building at STEP "RUN x": exit status 1', "no pip"),
    "podman alone": ("Error: creating build container: no image", "creating build container"),
    "docker": ("#7 0.345 error: no pip\n------\n0.345 error: no pip\n", "no pip"),
    "nothing": ("killed", "it ended with code 7"),
}


@pytest.mark.parametrize(("text", "words"), SAID.values(), ids=SAID)
def test_a_complaint_is_found(tmp_path: Path, text: str, words: str) -> None:
    log = BuildLog(tmp_path / "x.log")
    log.open("begun")
    log.say(text)
    assert log.complaint(7).startswith(words)
    assert "\n" not in log.complaint(7)


def test_a_failure_is_told_with_what_the_log_has_already() -> None:
    failure = BuildFailed("uv could not install the packages", "no six==99")
    assert (failure.what, str(failure)) == (
        "uv could not install the packages",
        "uv could not install the packages: no six==99",
    )
    assert str(BuildFailed("no engine")) == "no engine"


def test_the_tail_is_the_end(tmp_path: Path) -> None:
    log = BuildLog(tmp_path / "logs" / "x.log")
    assert (log.tail(), log.read()) == ("", b"")
    log.open("begun")
    for number in range(10_000):
        log.say(f"line {number}")
    assert log.tail().splitlines() == [f"line {n}" for n in range(10_000 - TAIL_LINES, 10_000)]
    assert log.read(offset=6).startswith(b"line 0\n")
    log.open("again")
    assert log.tail() == "again"


OPTIONS = {
    "in one word": (["--network=host", "--gpus=all"], ["--network=host"]),
    "in two": (["--ulimit", "nofile=1:1", "--gpus", "all"], ["--ulimit", "nofile=1:1"]),
    "a flag between": (["--init", "--dns", "1.1.1.1", "--rm"], ["--dns", "1.1.1.1"]),
    "none": ([], []),
}


@pytest.mark.parametrize(("run", "build"), OPTIONS.values(), ids=OPTIONS)
def test_options_that_build_has_too(run: list[str], build: list[str]) -> None:
    assert _for_build(run) == build
