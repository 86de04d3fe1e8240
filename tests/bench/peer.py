"""Another orchestrator in an environment of its own, run in a folder of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter

RUNS = 5
_PATIENCE = 300.0  # seconds for one command
_SILENT = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "METAFLOW_DEFAULT_METADATA": "local",
    "METAFLOW_DEFAULT_DATASTORE": "local",
    "USER": "bench",
    "NO_PROXY": "127.0.0.1",
}
_HOMES = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TMPDIR", "DAGSTER_HOME", "METAFLOW_HOME")


def run(words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    """What the command printed. Raises CalledProcessError, TimeoutExpired."""
    with _started(words, folder, environment, subprocess.PIPE) as process:
        said, _ = process.communicate(timeout=_PATIENCE)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words, said)
    return said


@contextmanager
def _started(
    words: Sequence[str], folder: Path, environment: Mapping[str, str], output: int
) -> Iterator["subprocess.Popen[str]"]:
    """The command in a session of its own, of which nothing stays."""
    process = subprocess.Popen(
        words,
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env=environment,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@dataclass
class Peer:
    """`folder` is its home, where it works and where it keeps everything."""

    name: str
    packages: Sequence[str]
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def set(self, **settings: str) -> None:
        self.settings |= settings

    def install(self) -> None:
        """Below .venv/peers; nothing to do when the same packages are there already."""
        done = self._home / ".packages"
        if done.is_file() and done.read_text().split() == list(self.packages):
            return
        python = str(self._home / "bin" / "python")
        uv = [str(Path(sys.executable).with_name("uv"))]
        venv = ["venv", "--clear", "--python", sys.executable, str(self._home)]
        run(uv + venv, self.folder, os.environ)
        run([*uv, "pip", "install", "--python", python, *self.packages], self.folder, os.environ)
        done.write_text(" ".join(self.packages))

    def command(self, *words: str) -> float:
        """The median of the command's wall time, its start included."""
        return _median([self._timed(words) for _ in range(1 + RUNS)])

    def inside(self, *words: str) -> float:
        """The median of what a script says each of its runs took, in one process."""
        said = self._run("python", *words, str(1 + RUNS)).splitlines()
        return _median([float(line.split()[1]) for line in said if line.startswith("took ")])

    @contextmanager
    def kept_up(self, *words: str) -> Iterator[None]:
        with _started(self._words(words), self.folder, self._environment, subprocess.DEVNULL):
            yield

    @property
    def _home(self) -> Path:
        return Path(sys.prefix) / "peers" / self.name

    @property
    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(self._home / "bin"), os.environ["PATH"]])
        homes = dict.fromkeys(_HOMES, str(self.folder))
        return {**os.environ, **_SILENT, **homes, "PATH": path, **self.settings}

    def _words(self, words: Sequence[str]) -> list[str]:
        """The first word is one of its commands."""
        return [str(self._home / "bin" / words[0]), *words[1:]]

    def _run(self, *words: str) -> str:
        return run(self._words(words), self.folder, self._environment)

    def _timed(self, words: Sequence[str]) -> float:
        began = perf_counter()
        self._run(*words)
        return perf_counter() - began


def _median(times: Sequence[float]) -> float:
    """Without the first, the warm-up."""
    assert len(times) == 1 + RUNS, times
    return median(times[1:])
