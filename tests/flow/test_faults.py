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


def add(stack: LocalStack, **rule: Any) -> None:
    answer = httpx.post(stack.addresses["faults"], json=rule, trust_env=False)
    assert answer.status_code == 201, answer.text


def replace(stack: LocalStack) -> None:
    """No faults any more."""
    answer = httpx.put(stack.addresses["faults"], json={}, trust_env=False)
    assert answer.status_code == 200, answer.text


FAILURES: dict[str, tuple[dict[str, Any], str, str]] = {
    "the image can't be pulled": (
        {"kind": "image_pull_failure", "message": "manifest unknown"},
        *("ContainerInvalidImage", "manifest unknown"),
    ),
    "an input can't be read": (
        {"kind": "input_download_failure", "code": "ResourceContainerAccessDenied"},
        *("ResourceContainerAccessDenied", "input"),
    ),
    "outputs can't be kept": (
        {"kind": "output_upload_failure", "pattern": "outputs/*"},
        *("FileUploadMiscError", "uploading"),
    ),
}


def test_what_no_repeat_would_mend_fails_the_run_at_once(stack: LocalStack, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("1,2\n")
    with stack.client() as client:
        rows = client.upload_inputs(tmp_path / "rows.csv")
        for rule, code, words in FAILURES.values():
            replace(stack)
            add(stack, service="batch", where={"task": "train"}, **rule)
            document = job(
                "echo m > outputs/m", inputs={"rows": {"type": "uri_file", "path": rows}}
            )
            run = ended(client, client.create_job(document)["name"])
            assert (run["status"], run["attempt"]) == ("Failed", 1)
            assert run["error"] is not None
            assert run["error"]["code"] == code
            assert words in run["error"]["message"]
            assert run["error"]["remedy"]
        assert no_compute_left(client)


def test_what_the_cloud_lacks_or_loses_is_tried_again(stack: LocalStack, tmp_path: Path) -> None:
    """One run gets no node; the other loses its in the middle of the script."""
    replace(stack)
    flag = tmp_path / "flag"
    with stack.client() as client:
        lost = client.create_job(job(f"while ! test -e {flag}; do sleep 0.05; done"))["name"]
        assert eventually(lambda: client.get_job(lost)["status"] == "Running")
        (pool,) = client.compute()["pools"]
        quota = "AccountCoreQuotaReached"
        add(stack, service="batch", kind="allocation_failure", code=quota, times=1)
        lacking = client.create_job(job("true"))["name"]
        url = stack.addresses["faults"].replace("/faults", "/batch/unusable")
        answer = httpx.post(url, json={"pool": pool["id"]}, trust_env=False)
        assert answer.status_code == 200, answer.text
        flag.touch()
        for name, reason in ((lost, "NodeLost"), (lacking, quota)):
            run = ended(client, name)
            assert (run["status"], run["attempt"]) == ("Completed", 2), run
            assert reason in [moment["note"] for moment in run["timeline"]]
        assert no_compute_left(client)
