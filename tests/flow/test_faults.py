"""Ordinary runs on a bad day: everything that can go wrong and be overcome, and nothing is seen."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from retrain.snapshot import take_snapshot
from tests.flow.local_stack import (
    LocalStack,
    ended,
    eventually,
    job,
    no_compute_left,
    running_stack,
)

pytestmark = pytest.mark.xdist_group("faulty-stack")

PLAN = Path(__file__).with_name("faults.yml")
RUNS = 4


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack of its own, since its services can't be trusted."""
    folder = tmp_path_factory.mktemp("faulty")
    with running_stack(folder, "none", "--faults", str(PLAN), "--port-faults", "0") as started:
        yield started


def told(stack: LocalStack) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(stack.addresses["faults"], trust_env=False).json()
    return answer


def test_runs_end_completed_once_and_leave_no_compute(stack: LocalStack, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "train.sh").write_text('echo "$1" >> "$2"; echo model > outputs/model\n')
    ran = tmp_path / "ran"
    with stack.client() as client, take_snapshot(code) as zipped:
        uri = client.ensure_snapshot(zipped)
        names = [
            client.create_job(job(f"sh train.sh {number} {ran}", code=uri))["name"]
            for number in range(RUNS)
        ]
        runs = [ended(client, name) for name in names]
        assert [run["status"] for run in runs] == ["Completed"] * RUNS, runs
        for run in runs:
            passed = [moment["status"] for moment in run["timeline"]]
            assert len(passed) == len(set(passed)), "no status is passed twice"
            kept = {file["path"] for file in client.outputs(run["name"])}
            assert kept == {"outputs/model", "stdout.txt", "stderr.txt"}
        assert sorted(ran.read_text().split()) == [str(number) for number in range(RUNS)]
        assert no_compute_left(client)
    struck = {rule["name"]: rule["counts"]["struck"] for rule in told(stack)["rules"]}
    assert all(struck.values()), struck


def test_a_lost_node_is_replaced_by_another_attempt(stack: LocalStack, tmp_path: Path) -> None:
    """The node is gone in the middle of the script; the run is tried again elsewhere."""
    httpx.delete(stack.addresses["faults"], trust_env=False)
    flag = tmp_path / "flag"
    with stack.client() as client:
        name = client.create_job(job(f"while ! test -e {flag}; do sleep 0.05; done"))["name"]
        eventually(lambda: client.get_job(name)["status"] == "Running")
        (pool,) = eventually(lambda: client.compute()["pools"])
        url = stack.addresses["faults"].replace("/faults", "/batch/unusable")
        answer = httpx.post(url, json={"pool": pool["id"]}, trust_env=False)
        assert answer.status_code == 200, answer.text
        flag.touch()
        run = ended(client, name)
        assert (run["status"], run["attempt"]) == ("Completed", 2)
        assert no_compute_left(client)
