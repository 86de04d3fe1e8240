"""The smallest run of Retrain and of five peers, one after another on this machine.

Each row is the median of five after a warm-up, in seconds, and beside it how many times Retrain's
it is: the median of the five runs by HTTP just before that peer and the five just after it, as a
shared machine's load changes. Retrain's own rows are medians over all its rounds.
Everything is on one machine, telemetry is off, and each peer has an environment of its own below
.venv/peers, installed on first use. The rows, and what the clock includes:

retrain_http     HTTP request to a stack kept up → Completed *and* Batch lists no job and no pool;
                 the task is a process of its own, its logs and record are stored
retrain_cli      `retrain job create --stream` → its exit and no compute: the same, and the start of
                 the command line's process
metaflow_cli     `python flow.py run`: process start, and a process for each of its two steps
prefect_script   `python flow.py` against a server kept up: process start, flow in that process
prefect_served   submitted from a live process to a server and a `flow.serve()` kept up, which polls
                 every 10 s (its default) and starts a process: nearest to what Retrain does
prefect_inside   the flow called in a live process, the same server: no isolation, no process
dagster_cli      `dagster job execute`: process start, and a process for the op (its default)
dagster_inside   `execute_in_process` in a live process, SQLite instance: no isolation, no process
kfp_default      SubprocessRunner() from a script: process start, and for the task a fresh venv with
                 kfp installed into it from the package registry (its default)
kfp_script       SubprocessRunner(use_venv=False), kfp not installed again: process start, and a
                 process for the task in the script's own environment
kfp_live         the same from a live process: a process for the task, no start of the script
snakemake_cli    `snakemake --cores 1`: process start, and a shell for the rule

A peer that can't be installed or run says so on stderr and is left out.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from subprocess import SubprocessError
from time import perf_counter, sleep

import httpx

from tests.bench.latency import noop
from tests.bench.measured import Measured
from tests.bench.peer import RUNS, Peer, run
from tests.flow.local_stack import LocalStack, eventually, free_ports, job, running_stack

#: What is installed: the newest that resolve and start. Prefect 3.9 and kfp 2.17.3 want a certifi
#: the registry doesn't have; Prefect 3.8.8 allows the newest FastAPI and can't be imported with it.
VERSIONS = {
    "metaflow": ("metaflow==2.19.39",),
    "prefect": ("prefect==3.8.8", "fastapi==0.139.0"),
    "dagster": ("dagster==1.13.29",),
    "kfp": ("kfp==2.17.0",),
    "snakemake": ("snakemake==9.27.1",),
}
NOOPS = Path(__file__).parent / "noops"
_PATIENCE = 180.0  # seconds for a server to answer
Rows = Iterator[tuple[str, float]]


def measure(folder: Path) -> Iterator[Measured]:
    peers = [peer for peer in _peers(folder) if list(_tried(peer, partial(_installed, peer)))]
    rounds = [_retrain(folder / "retrain")]
    for peer in peers:
        rows = list(_tried(peer, partial(_ROWS[peer.name], peer)))
        rounds.append(_retrain(folder / f"retrain-{peer.name}"))
        own = median(rounds[-2][0] + rounds[-1][0])
        for name, seconds in rows:
            yield f"peers_{name}", seconds, "s"
            yield f"peers_{name}_per_retrain", seconds / own, "x"
    yield "peers_retrain_http", median(took for http, _ in rounds for took in http), "s"
    yield "peers_retrain_cli", median(took for _, cli in rounds for took in cli), "s"


def _peers(folder: Path) -> Iterator[Peer]:
    for name, packages in VERSIONS.items():
        (folder / name).mkdir()
        yield Peer(name, packages, folder / name)


def _tried(peer: Peer, rows: Callable[[], Rows]) -> Rows:
    """The rows, or those before the peer failed; then stderr says why."""
    try:
        yield from rows()
    except (OSError, SubprocessError, AssertionError) as error:
        said = str(getattr(error, "output", None) or "")[-2000:]
        sys.stderr.write(f"{peer.name} is left out from here: {error}\n{said}\n")


def _installed(peer: Peer) -> Rows:
    began = perf_counter()
    peer.install()
    yield "installed", perf_counter() - began


def _retrain(data: Path) -> tuple[list[float], list[float]]:
    """Five runs by HTTP and five by the command line, on one warm stack."""
    with running_stack(data) as stack, stack.client() as client:
        file = data / "noop.json"
        file.write_text(json.dumps(job("true")))
        noop(client)
        http = [noop(client) for _ in range(RUNS)]
        _command_line(stack, file)
        return http, [_command_line(stack, file) for _ in range(RUNS)]


def _command_line(stack: LocalStack, file: Path) -> float:
    profile = {
        "RETRAIN_ENDPOINT": stack.addresses["api"],
        "RETRAIN_KEY": stack.addresses["key"],
        "RETRAIN_CONFIG": str(file.with_name("profiles.toml")),
    }
    words = [sys.executable, "-m", "retrain", "job", "create", "--stream", "-f", str(file)]
    with stack.client() as client:
        began = perf_counter()
        run(words, file.parent, {**os.environ, **profile})
        while any(client.compute().values()):
            sleep(0.005)
        return perf_counter() - began


def _metaflow(peer: Peer) -> Rows:
    yield "metaflow_cli", peer.command("python", str(NOOPS / "metaflow_noop.py"), "run")


def _prefect(peer: Peer) -> Rows:
    port = free_ports(1)[0]
    peer.set(PREFECT_API_URL=f"http://127.0.0.1:{port}/api", PREFECT_HOME=str(peer.folder))
    flow = str(NOOPS / "prefect_noop.py")
    server = ("prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port))
    with peer.kept_up(*server):
        assert eventually(partial(_answers, f"http://127.0.0.1:{port}/api/health"), _PATIENCE)
        yield "prefect_script", peer.command("python", flow, "call", "1")
        yield "prefect_inside", peer.inside(flow, "call")
        with peer.kept_up("python", flow, "serve"):
            served = f"http://127.0.0.1:{port}/api/deployments/name/noop/bench"
            assert eventually(partial(_answers, served), _PATIENCE)
            yield "prefect_served", peer.inside(flow, "submit")


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, trust_env=False).is_success
    except httpx.TransportError:
        return False


def _dagster(peer: Peer) -> Rows:
    (peer.folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    flow = str(NOOPS / "dagster_noop.py")
    yield "dagster_cli", peer.command("dagster", "job", "execute", "-f", flow, "-j", "noop")
    yield "dagster_inside", peer.inside(flow)


def _kfp(peer: Peer) -> Rows:
    flow = str(NOOPS / "kfp_noop.py")
    yield "kfp_script", peer.command("python", flow, "script", "1")
    yield "kfp_live", peer.inside(flow, "script")
    yield "kfp_default", peer.command("python", flow, "venv", "1")


def _snakemake(peer: Peer) -> Rows:
    file = str(NOOPS / "Snakefile")
    yield "snakemake_cli", peer.command("snakemake", "--cores", "1", "--snakefile", file)


_ROWS: dict[str, Callable[[Peer], Rows]] = {
    "metaflow": _metaflow,
    "prefect": _prefect,
    "dagster": _dagster,
    "kfp": _kfp,
    "snakemake": _snakemake,
}
