"""Engines are found by what they do, not by what they say: each case is a program that poses."""

import os
import platform
import stat
from pathlib import Path

import pytest

from retrain.local import engine as engines
from retrain.local.engine import Engine, find_engine
from retrain.local.probe import EXIT_CODE, PROGRAMS, archive, executable

#: A fake engine: `there` says whether it has the probe, `runs` is the exit code of `run`.
POSER = """#!/bin/sh
echo "$0 $*" >> {calls}
case " $* " in
  *" image inspect "*) exit {there} ;;
  *" import "*) cat > /dev/null; exit {takes} ;;
  *" info "*) echo '{info}'; exit 0 ;;
  *" run "*) {run} ;;
esac
exit 1
"""


class Machine:
    """A PATH with nothing but the engines that the test puts there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"

    def install(
        self, name: str, run: str, *, there: int = 0, takes: int = 0, info: str = "[]"
    ) -> None:
        text = POSER.format(calls=self.calls, run=run, there=there, takes=takes, info=info)
        file = self.folder / name
        file.write_text(text)
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    @property
    def called(self) -> list[str]:
        return self.calls.read_text().replace(f"{self.folder}/", "").splitlines()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    for name in ("RETRAIN_ENGINE", "RETRAIN_ENGINE_OPTIONS", "RETRAIN_ENGINE_RUN_OPTIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "cat").symlink_to("/bin/cat")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    engines._find.cache_clear()
    return Machine(tmp_path)


WORKS = f"exit {EXIT_CODE}"
FAILS = "echo no right to do that >&2; exit 126"
ONLY = 'case "$*" in *{}*) exit 42 ;; esac; exit 126'


def test_a_machine_without_engines_has_none(machine: Machine) -> None:
    assert find_engine() is None


def test_podman_comes_first(machine: Machine) -> None:
    machine.install("podman", WORKS)
    machine.install("docker", WORKS)
    assert find_engine() == Engine(("podman",), "podman", (), init=True)
    assert len(machine.called) == 2  # the image is there, and it runs


def test_an_engine_that_answers_but_runs_nothing_is_none(machine: Machine) -> None:
    machine.install("podman", FAILS)
    machine.install("docker", "exit 125", there=1, takes=1)
    assert find_engine() is None


def test_docker_stands_in_for_a_podman_that_runs_nothing(machine: Machine) -> None:
    machine.install("podman", FAILS)
    machine.install("docker", WORKS)
    found = find_engine()
    assert found is not None
    assert found.command == ("docker",)


def test_a_confined_podman_gets_the_flags_it_needs(machine: Machine) -> None:
    machine.install("podman", ONLY.format("nproc="))
    assert find_engine() == Engine(
        ("podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs"),
        "podman",
        ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"),
        init=True,
    )


def test_an_engine_without_an_init_does_without(machine: Machine) -> None:
    machine.install("podman", 'case "$*" in *--init*) exit 125 ;; esac; exit 42')
    assert find_engine() == Engine(("podman",), "podman", (), init=False)


def test_the_probe_is_brought_to_an_engine_that_lacks_it(machine: Machine) -> None:
    machine.install("podman", WORKS, there=1)
    assert find_engine() is not None
    assert [call.split()[1] for call in machine.called] == ["image", "import", "run"]


def test_any_other_exit_code_is_not_the_probes(machine: Machine) -> None:
    machine.install("podman", "exit 0")
    assert find_engine("podman") is None


CHOICES = {
    "the caller's": ("docker", None, "docker"),
    "the user's": ("podman", "docker", "docker"),
    "the user's none": ("auto", "none", None),
    "the caller's none": ("none", None, None),
    "an empty variable": ("podman", "", "podman"),
}


@pytest.mark.parametrize(("preferred", "variable", "name"), CHOICES.values(), ids=CHOICES)
def test_whose_choice_it_is(
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    preferred: str,
    variable: str | None,
    name: str | None,
) -> None:
    machine.install("podman", WORKS)
    machine.install("docker", WORKS)
    if variable is not None:
        monkeypatch.setenv("RETRAIN_ENGINE", variable)
    found = find_engine(preferred)
    assert (found.name if found else None) == name


def test_another_word_is_refused_by_name(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRAIN_ENGINE", "lxc")
    with pytest.raises(ValueError, match=r"'lxc'.*auto, podman, docker, none"):
        find_engine()


def test_given_flags_are_used_and_no_others(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.install("podman", FAILS)
    monkeypatch.setenv("RETRAIN_ENGINE_OPTIONS", "--runtime 'my runtime'")
    monkeypatch.setenv("RETRAIN_ENGINE_RUN_OPTIONS", "--network host")
    assert find_engine() is None
    assert not any("cgroup" in call for call in machine.called)
    machine.install("podman", WORKS)
    engines._find.cache_clear()
    assert find_engine() == Engine(
        ("podman", "--runtime", "my runtime"), "podman", ("--network", "host"), init=True
    )


def test_it_is_looked_for_once(machine: Machine) -> None:
    machine.install("podman", WORKS)
    assert find_engine() is find_engine()
    assert len(machine.called) == 2


def test_an_engine_that_hangs_is_given_up(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine.folder / "sleep").symlink_to("/bin/sleep")
    machine.install("podman", "exec sleep 1000")
    monkeypatch.setattr(engines, "PATIENCE_SECONDS", 0.2)
    assert find_engine() is None


USERS = {
    "a daemon of root's": ('["name=seccomp"]', 1000, "1000:1000"),
    "a daemon of the user's": ('["name=seccomp","name=rootless"]', 1000, None),
    "a user who is root": ('["name=seccomp"]', 0, None),
}


@pytest.mark.parametrize(("info", "uid", "user"), USERS.values(), ids=USERS)
def test_docker_runs_as_the_user_when_files_would_be_roots(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, info: str, uid: int, user: str | None
) -> None:
    machine.install("docker", WORKS, info=info)
    monkeypatch.setattr(os, "getuid", lambda: uid)
    monkeypatch.setattr(os, "getgid", lambda: uid)
    found = find_engine()
    assert found is not None
    assert found.user == user


def test_on_another_processor_the_engines_word_must_do(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    machine.install("podman", FAILS)
    assert find_engine() is not None


def test_the_probe_really_runs(tmp_path: Path) -> None:
    known = PROGRAMS.get(os.uname().machine)
    if known is None or os.uname().sysname != "Linux":
        pytest.skip("no probe for this machine")
    probe = tmp_path / "probe"
    probe.write_bytes(executable(*known))
    probe.chmod(0o755)
    assert os.spawnv(os.P_WAIT, probe, [str(probe)]) == EXIT_CODE


def test_processors_have_two_names_each() -> None:
    assert archive("AMD64") == archive("x86_64")
    assert archive("arm64") == archive("aarch64")
    assert archive("vax") is None
