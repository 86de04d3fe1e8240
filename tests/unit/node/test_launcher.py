"""The launcher as it travels: one text, run by a bare Python, on nodes that are processes here."""

import ast
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.app.distribution import distribution_variables
from shared.app.orders import order_for
from shared.domain.status import Status
from shared.node import launcher
from tests.factories import a_job, a_run


def started(
    folder: Path, command: str, plan: dict[str, Any], **environ: str
) -> "subprocess.Popen[str]":
    folder.mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "RETRAIN_COMMAND": command,
        "RETRAIN_DISTRIBUTION": json.dumps({"token": "t", "ports": [], **plan}),
        **environ,
    }
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", launcher()],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def two_nodes(folder: Path, command: str) -> "tuple[subprocess.Popen[str], subprocess.Popen[str]]":
    """The second node is there before the first; a stranger has the first port."""
    with socket.socket() as taken, socket.socket() as free:
        taken.bind(("", 0))
        free.bind(("", 0))
        ports = [taken.getsockname()[1], free.getsockname()[1]]
        free.close()
        plan = {"type": "pytorch", "counts": [1, 1], "ports": ports}
        told = {"AZ_BATCH_MASTER_NODE": "127.0.0.1:6000"}
        other = started(folder / "b", command, plan, AZ_BATCH_NODE_ID="b", **told)
        first = started(folder / "a", command, plan, AZ_BATCH_IS_CURRENT_NODE_MASTER="true", **told)
        first.communicate(timeout=60)
        other.communicate(timeout=60)
    return first, other


def test_it_is_one_text_for_any_python_from_3_7_on() -> None:
    tree = ast.parse(launcher(), feature_version=(3, 7))
    imported = {
        name.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for name in node.names
    }
    assert imported <= sys.stdlib_module_names
    assert "from shared" not in launcher()
    assert len(launcher()) < 32_768, "a variable's text has a limit"


def test_all_that_end_well_end_well(tmp_path: Path) -> None:
    first, other = two_nodes(tmp_path, "echo $RANK of $WORLD_SIZE; echo $RANK >&2")
    assert (first.returncode, other.returncode) == (0, 0)
    logs = sorted((tmp_path / "a/logs/user_logs").iterdir())
    assert [set(log.read_text().splitlines()) for log in logs] == [
        {"0 of 2", "0"},
        {"1 of 2", "1"},
    ]


def test_what_fails_elsewhere_ends_what_runs_here(tmp_path: Path) -> None:
    first, _ = two_nodes(tmp_path, "[ $RANK = 0 ] && exec sleep 600; exit 5")
    assert first.returncode == 5


def test_what_fails_here_ends_what_runs_elsewhere(tmp_path: Path) -> None:
    first, _ = two_nodes(tmp_path, "[ $RANK = 1 ] && exec sleep 600; kill -9 $$")
    assert first.returncode == 137


def test_a_node_that_is_gone_ends_the_job(tmp_path: Path) -> None:
    """The launcher of the second node is killed, as when its machine is lost."""
    first, _ = two_nodes(tmp_path, "[ $RANK = 1 ] && kill -9 $PPID; exec sleep 600")
    assert first.returncode == 70


def test_mpirun_starts_the_processes_where_there_is_one(tmp_path: Path) -> None:
    fake = tmp_path / "mpirun"
    fake.write_text(
        "#!/bin/sh\n"
        '[ "$1" = --version ] && echo "mpirun (Open MPI) 4.1.4" && exit 0\n'
        'echo "$@" > "$OUT"; [ "$4" = 2 ] || exit 99; shift 4; code=0\n'
        'for rank in 0 1; do OMPI_COMM_WORLD_RANK=$rank "$@" || code=$?; done; exit $code\n'
    )
    fake.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "OUT": str(tmp_path / "argv")}
    work = tmp_path / "work"
    process = started(
        work, "echo $RANK/$WORLD_SIZE; exit $RANK", {"type": "mpi", "counts": [2]}, **environ
    )
    said, _ = process.communicate(timeout=60)
    assert (process.returncode, said) == (1, "0/2\n")
    assert "--allow-run-as-root --oversubscribe -np 2" in (tmp_path / "argv").read_text()
    assert (work / "logs/user_logs/std_log_process_01.txt").read_text() == "1/2\n"
    many = started(work, "true", {"type": "mpi", "counts": [1, 1]}, **environ)
    assert "not supported" in many.communicate(timeout=60)[1]
    assert many.returncode == 78


def test_without_mpirun_processes_are_told_their_ranks(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for program in ("sh", "sleep"):
        found = subprocess.check_output(["which", program], text=True).strip()
        (tmp_path / "bin" / program).symlink_to(found)
    command = "echo $OMPI_COMM_WORLD_RANK $OMPI_COMM_WORLD_SIZE $OMPI_COMM_WORLD_LOCAL_RANK"
    process = started(tmp_path, command, {"type": "mpi", "counts": [2]}, PATH=str(tmp_path / "bin"))
    assert process.communicate(timeout=60)[0] == "0 2 0\n"
    assert (tmp_path / "logs/user_logs/std_log_process_01.txt").read_text() == "1 2 1\n"


def test_a_plain_job_has_no_launcher() -> None:
    run = a_run(Status.PROVISIONING)
    assert distribution_variables(run) == {}
    assert "RETRAIN_LAUNCHER" not in order_for(run).script


@pytest.mark.parametrize("nodes", [1, 3])
def test_what_the_launcher_is_told(nodes: int) -> None:
    job = a_job(
        resources={"instance_count": nodes, "shm_size": "2g"},
        distribution={"type": "tensorflow", "worker_count": nodes, "parameter_server_count": 1},
    )
    order = order_for(a_run(Status.PROVISIONING, job=job))
    plan = json.loads(order.variables["RETRAIN_DISTRIBUTION"])
    assert (order.nodes, plan["workers"], sum(plan["counts"])) == (nodes, nodes, nodes + 1)
    assert bool(plan["ports"]) == (nodes > 1)
    network = "--network=host " if nodes > 1 else ""
    assert order.container_options == f"{network}--shm-size=2g"
    assert re.search(r"exec python3 .*RETRAIN_LAUNCHER", order.script)
