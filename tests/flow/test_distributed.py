"""Jobs of several processes, on one node and on several, of their own and shared."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrain.client import Client, Run
from retrain.jobfile import read_job
from retrain.submit import submit
from tests.flow.local_stack import (
    LocalStack,
    ended,
    eventually,
    job,
    no_compute_left,
    running_stack,
    stdout,
)

pytestmark = pytest.mark.xdist_group("distributed-stack")

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    folder = tmp_path_factory.mktemp("distributed")
    with running_stack(folder, "none", "--batch-speed", "60") as started:
        yield started


def logs_of(client: Client, run: Run, folder: Path) -> dict[str, str]:
    client.download(run["name"], folder)
    return {path.name: path.read_text() for path in folder.rglob("std_log_process_*.txt")}


def test_the_example_adds_up_over_two_nodes(stack: LocalStack, tmp_path: Path) -> None:
    with stack.client() as client:
        run = ended(client, submit(client, read_job(EXAMPLES / "distributed/job.yml"))["name"])
        assert run["status"] == "Completed", (run["error"], stdout(client, run["name"]))
        assert stdout(client, run["name"]).splitlines()[-1] == "rank 0: 1.0 of 10.0"
        logs = logs_of(client, run, tmp_path)
        assert sorted(logs) == [f"std_log_process_0{rank}.txt" for rank in range(4)]
        for rank, text in enumerate(logs[name] for name in sorted(logs)):
            node, local = divmod(rank, 2)
            assert text.splitlines() == [
                f"rank {rank} of 4 on node {node}, local rank {local}",
                f"rank {rank}: {rank + 1.0} of 10.0",
            ]
        assert json.loads(next(tmp_path.rglob("sum.json")).read_text())["world"] == 4
        assert no_compute_left(client)


def test_the_first_that_fails_anywhere_ends_them_all(stack: LocalStack, tmp_path: Path) -> None:
    command = "echo $RANK; if [ $RANK = 3 ]; then echo no more >&2; exit 9; fi; sleep 600"
    document = job(
        command,
        resources={"instance_count": 2},
        distribution={"type": "PyTorch", "process_count_per_instance": 2},
    )
    with stack.client() as client:
        run = ended(client, client.create_job(document)["name"])
        assert run["status"] == "Failed"
        assert run["error"] is not None
        assert "exit code 9" in run["error"]["message"]
        logs = logs_of(client, run, tmp_path)
        # Its two streams are two pipes: which of them is read first is chance.
        assert sorted(logs["std_log_process_03.txt"].splitlines()) == ["3", "no more"]
        told = client.logs(run["name"], "stderr.txt").data.decode()
        assert "process 3 ended with exit code 9; see logs/user_logs" in told
        assert no_compute_left(client)


def test_tensorflow_finds_its_cluster_and_inputs_are_on_all_nodes(
    stack: LocalStack, tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_text("1,2\n")
    with stack.client() as client:
        rows = client.upload_inputs(tmp_path / "rows.csv")
        document = job(
            'echo "$TF_CONFIG"; cat ${{inputs.rows}}',
            inputs={"rows": {"type": "uri_file", "path": rows}},
            resources={"instance_count": 2},
            distribution={"type": "tensorflow", "worker_count": 2, "parameter_server_count": 1},
        )
        run = ended(client, client.create_job(document)["name"])
        assert run["status"] == "Completed", run["error"]
        logs = logs_of(client, run, tmp_path / "out")
    lines = [logs[name].splitlines() for name in sorted(logs)]
    assert [line[1] for line in lines] == ["1,2"] * 3
    tasks = [json.loads(line[0])["task"] for line in lines]
    assert tasks == [
        {"type": "worker", "index": 0},
        {"type": "worker", "index": 1},
        {"type": "ps", "index": 0},
    ]
    clusters = [json.loads(line[0])["cluster"] for line in lines]
    assert clusters[0] == clusters[1] == clusters[2]
    assert (len(clusters[0]["worker"]), len(clusters[0]["ps"])) == (2, 1)


def test_a_shared_compute_grows_to_the_nodes_that_one_run_needs(stack: LocalStack) -> None:
    compute = {"name": "pair", "type": "amlcompute", "max_instances": 2}
    document = job("echo $RANK", compute="pair", resources={"instance_count": 2})
    with stack.client() as client:
        client.create_compute(compute)
        run = ended(client, client.create_job(document)["name"])
        assert run["status"] == "Completed", run["error"]
        assert stdout(client, run["name"]) == "0\n"
        assert no_compute_left(client)
        assert eventually(lambda: client.get_compute("pair")["nodes"]["current"] == 0)
        client.delete_compute("pair")


def test_the_example_of_a_named_compute(stack: LocalStack) -> None:
    from retrain.jobfile.computes import read_compute

    with stack.client() as client:
        client.create_compute(read_compute(EXAMPLES / "named-compute/compute.yml", {}))
        run = ended(client, submit(client, read_job(EXAMPLES / "named-compute/job.yml"))["name"])
        assert run["status"] == "Completed", run["error"]
        assert stdout(client, run["name"]) == "on a node of pool retrain-compute-cpu-cluster\n"
        client.delete_compute("cpu-cluster")


def test_cheap_nodes_of_a_run_s_own(stack: LocalStack) -> None:
    document = job("echo $AZ_BATCH_NODE_IS_DEDICATED", queue_settings={"job_tier": "Spot"})
    with stack.client() as client:
        run = ended(client, client.create_job(document)["name"])
        assert stdout(client, run["name"]) == "false\n"
