"""The container engine of this machine: podman or docker, with the flags that make it work here.

An engine that is installed need not run anything: docker may have no daemon, podman may lack the
right to set limits, and `info` answers all the same. So each candidate really runs a container. No
image can be relied on, so the probe brings its own: one program of a few instructions that ends
with a number of its own. It stays in the engine's store (`retrain.local/probe`, 300 bytes), so the
next probe is one `run`.

RETRAIN_ENGINE (auto, podman, docker, none) overrides what the caller prefers. With
RETRAIN_ENGINE_OPTIONS (before the subcommand) or RETRAIN_ENGINE_RUN_OPTIONS (after `run`) the
engine is called with these flags and no others are tried.
"""

from __future__ import annotations

import logging
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from retrain.local.probe import EXIT_CODE, archive

PROBE: Final = "retrain.local/probe:1"
NAMES: Final = ("podman", "docker")
CHOICES: Final = ("auto", *NAMES, "none")
PATIENCE_SECONDS: Final = 20  # a daemon that hangs is no engine

#: For podman as root in a virtual machine with cgroup v1, where limits can't be raised.
CONFINED: Final = (
    ("--runtime", "runc", "--cgroup-manager", "cgroupfs"),
    ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"),
)

#: A container with these among its options has the machine's own network, loopback too.
HOST_NETWORK: Final = ("--network", "host")

log = logging.getLogger("retrain.engine")


@dataclass(frozen=True, slots=True)
class Engine:
    """How to call podman or docker here.

    command: the program with its global flags.  run_options: flags that `run` (and podman's
    `build`) needs.  init: `run --init` works.  user: "uid:gid" that a container must run as for
    its files to be ours; None when they are anyway.
    """

    command: tuple[str, ...]
    name: str
    run_options: tuple[str, ...] = ()
    init: bool = False
    user: str | None = None


def find_engine(preferred: str = "auto") -> Engine | None:
    """The first engine that runs a container on this machine, or None. Looked for once a process.

    preferred: auto, podman, docker or none; RETRAIN_ENGINE overrides it. Raises ValueError for
    another word. Takes half a second when the first candidate works.
    """
    choice = os.environ.get("RETRAIN_ENGINE") or preferred
    if choice not in CHOICES:
        raise ValueError(
            f"'{choice}' is no container engine. Set RETRAIN_ENGINE to one of {', '.join(CHOICES)}."
        )
    options = os.environ.get("RETRAIN_ENGINE_OPTIONS", "")
    return _find(choice, options, os.environ.get("RETRAIN_ENGINE_RUN_OPTIONS", ""))


@cache
def _find(choice: str, options: str, run_options: str) -> Engine | None:
    if choice == "none":
        return None
    for name in NAMES if choice == "auto" else (choice,):
        if shutil.which(name) is None:
            continue
        given = (tuple(shlex.split(options)), tuple(shlex.split(run_options)))
        for engine in _candidates(name, given):
            if _runs(engine):
                return engine
    return None


def _candidates(name: str, given: tuple[tuple[str, ...], tuple[str, ...]]) -> Iterator[Engine]:
    """What may work, the likeliest first."""
    flags = [given]
    if name == "podman" and not any(given):
        flags.append(CONFINED)
    user = _user(name, given[0])
    for init in (True, False):
        for options, run_options in flags:
            yield Engine((name, *options), name, run_options, init, user)


def _user(name: str, options: tuple[str, ...]) -> str | None:
    """A docker daemon that runs as root gives root's files to everybody else."""
    if name != "docker" or os.getuid() == 0:
        return None
    asked = _call(name, *options, "info", "--format", "{{json .SecurityOptions}}")
    rootless = asked is None or asked.returncode != 0 or b"rootless" in asked.stdout
    return None if rootless else f"{os.getuid()}:{os.getgid()}"


def _runs(engine: Engine) -> bool:
    """Whether the engine runs the probe, which is brought to it when it is not there."""
    probe = archive(platform.machine())
    if probe is None:  # no probe for this processor: what the engine says must do
        asked = _call(*engine.command, "info")
        return asked is not None and asked.returncode == 0
    if not _has_probe(engine, probe):
        return False
    init = ("--init",) if engine.init else ()
    run = ("run", "--rm", "--pull", "never", *init, *engine.run_options, PROBE, "/probe")
    ran = _call(*engine.command, *run)
    if ran is not None and ran.returncode == EXIT_CODE:
        return True
    log.info("%s doesn't work here: %s", shlex.join([*engine.command, *run]), _words(ran))
    return False


def _has_probe(engine: Engine, probe: bytes) -> bool:
    there = _call(*engine.command, "image", "inspect", "--format", "{{.Id}}", PROBE)
    if there is not None and there.returncode == 0:
        return True
    brought = _call(*engine.command, "import", "-", PROBE, stdin=probe)
    if brought is not None and brought.returncode == 0:
        return True
    log.info("%s takes no image: %s", shlex.join(engine.command), _words(brought))
    return False


def _words(ran: subprocess.CompletedProcess[bytes] | None) -> str:
    return "no answer in time" if ran is None else ran.stderr.decode(errors="replace").strip()


def _call(*argv: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes] | None:
    """The ended process; None when it didn't end in time or could not be started."""
    try:
        return subprocess.run(  # noqa: S603  the engine the user has installed
            argv, input=stdin, capture_output=True, timeout=PATIENCE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
