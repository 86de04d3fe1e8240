"""This node's processes, and what each of them is told. The first part of the launcher."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import threading
import time
from typing import IO, Any, Dict

Message = Dict[str, Any]  # noqa: UP006  Python 3.7 has no other name for it
LOGS = os.path.join("logs", "user_logs")
ANY_INTERFACE = ""


def log_of(rank: int) -> str:
    return os.path.join(LOGS, f"std_log_process_{rank:02d}.txt")


def mpirun(count: int) -> list[str]:
    """Open MPI's or MPICH's own launcher; the output of all but rank 0 goes to their files."""
    version = subprocess.run(["mpirun", "--version"], stdout=subprocess.PIPE, check=False).stdout
    own = ["--allow-run-as-root", "--oversubscribe"] if b"Open MPI" in version else []
    script = (
        "r=${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-0}}; "
        "export RANK=$r LOCAL_RANK=$r "
        f"WORLD_SIZE={count} LOCAL_WORLD_SIZE={count}; "
        f'if [ $r != 0 ]; then exec > "$(printf {LOGS}/std_log_process_%02d.txt $r)" 2>&1; fi; '
        'exec /bin/sh -c "$RETRAIN_COMMAND"'
    )
    return ["mpirun", *own, "-np", str(count), "/bin/sh", "-c", script]


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind((ANY_INTERFACE, 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Processes:
    """This node's processes. What they say and how they end goes to `told`."""

    def __init__(self, told: queue.Queue[Message]) -> None:
        self.told = told
        self.all: list[subprocess.Popen[bytes]] = []

    def start(self, rank: int, argv: list[str], variables: dict[str, str]) -> None:
        environment = dict(os.environ, **variables)
        for ours in ("RETRAIN_LAUNCHER", "RETRAIN_SCRIPT", "RETRAIN_COORDINATE"):
            environment.pop(ours, None)
        process = subprocess.Popen(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.all.append(process)
        threading.Thread(target=self._attend, args=(rank, process), daemon=True).start()

    def _attend(self, rank: int, process: subprocess.Popen[bytes]) -> None:
        readers = []
        assert process.stdout is not None
        assert process.stderr is not None
        for name, pipe in (("out", process.stdout), ("err", process.stderr)):
            reader = threading.Thread(target=self._read, args=(rank, name, pipe), daemon=True)
            reader.start()
            readers.append(reader)
        code = process.wait()
        for reader in readers:
            reader.join(10)  # what a process left running may hold its pipe for ever
        self.told.put({"exit": code if code >= 0 else 128 - code, "rank": rank})

    def _read(self, rank: int, name: str, pipe: IO[bytes]) -> None:
        while True:
            piece = os.read(pipe.fileno(), 32768)
            if not piece:
                return
            self.told.put({"log": piece, "stream": name, "rank": rank})

    def stop(self) -> None:
        """First a request, for those that want to save something; then by force."""
        for number, seconds in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
            for process in self.all:
                try:
                    os.killpg(process.pid, number)
                except (ProcessLookupError, PermissionError):
                    pass
            until = time.monotonic() + seconds
            while time.monotonic() < until and any(p.poll() is None for p in self.all):
                time.sleep(0.02)


def variables(plan: Message, node: int, members: list[Message], local: int) -> dict[str, str]:
    """What Azure ML tells process number `local` of node number `node`."""
    counts = plan["counts"]
    rank, world = sum(counts[:node]) + local, sum(counts)
    told = {
        "MASTER_ADDR": members[0]["host"],
        "MASTER_PORT": str(members[0]["ports"][-1]),
        "NODE_RANK": str(node),
        "RANK": str(rank),
        "WORLD_SIZE": str(world),
        "LOCAL_RANK": str(local),
        "LOCAL_WORLD_SIZE": str(counts[node]),
        "AZUREML_NODE_COUNT": str(len(counts)),
    }
    if plan["type"] == "mpi":
        told.update(
            OMPI_COMM_WORLD_RANK=str(rank),
            OMPI_COMM_WORLD_SIZE=str(world),
            OMPI_COMM_WORLD_LOCAL_RANK=str(local),
            OMPI_COMM_WORLD_LOCAL_SIZE=str(counts[node]),
            OMPI_COMM_WORLD_NODE_RANK=str(local),
        )
    if plan["type"] == "tensorflow":
        told["TF_CONFIG"] = json.dumps(tf_config(plan, members, rank))
    return told


def tf_config(plan: Message, members: list[Message], rank: int) -> Message:
    places = [
        f"{member['host']}:{member['ports'][number]}"
        for member, count in zip(members, plan["counts"])
        for number in range(count)
    ]
    workers = plan["workers"]
    cluster = {"worker": places[:workers]}
    if places[workers:]:
        cluster["ps"] = places[workers:]
    kind, index = ("worker", rank) if rank < workers else ("ps", rank - workers)
    return {"cluster": cluster, "task": {"type": kind, "index": index}, "environment": "cloud"}
