"""A script goes on from ./checkpoints: in its next attempt, and when its node was taken away."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import httpx
import pytest
import yaml

from retrain import load_job
from retrain.client import Client
from tests.flow.local_stack import (
    LocalStack,
    ended,
    eventually,
    job,
    no_compute_left,
    running_stack_with_faults,
    stdout,
)

pytestmark = pytest.mark.xdist_group("preempting-stack")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with running_stack_with_faults(tmp_path_factory.mktemp("preempting")) as started:
        yield started


@pytest.fixture
def client(stack: LocalStack) -> Iterator[Client]:
    with stack.client() as connected:
        yield connected


def python(text: str) -> str:
    return f"python3 -u - <<'END'\n{dedent(text)}\nEND"


#: Counts to five, a file an epoch; fails in its third one, once.
COUNTS = python("""
    import os, sys
    done = sorted(os.listdir("checkpoints"))
    print("found", *done)
    for epoch in range(len(done) + 1, 6):
        if epoch == 3 and os.environ["RETRAIN_ATTEMPT"] == "1":
            sys.exit(75)
        with open(f"checkpoints/epoch-{epoch}", "w") as file:
            file.write(str(epoch))
    open("outputs/model", "w").write(" ".join(sorted(os.listdir("checkpoints"))))
""")


def test_another_attempt_goes_on_from_there(client: Client) -> None:
    retry = {"exit_codes": [75], "backoff": {"initial": 0, "max": 0}}
    name = client.create_job(job(COUNTS, retry=retry, checkpoints=True))["name"]
    run = ended(client, name)
    assert (run["status"], run["attempt"]) == ("Completed", 2)
    assert stdout(client, name) == "found epoch-1 epoch-2\n"
    assert client.logs(name, attempt=1).data == b"found\n"
    files = {file["path"] for file in client.outputs(name)}
    assert files == {"outputs/model", "stdout.txt", "stderr.txt"}
    assert no_compute_left(client)


def test_without_them_it_begins_anew(client: Client) -> None:
    script = COUNTS.replace("import os, sys", "import os, sys; os.makedirs('checkpoints')")
    retry = {"exit_codes": [75], "backoff": {"initial": 0, "max": 0}}
    name = client.create_job(job(script, retry=retry))["name"]
    assert ended(client, name)["status"] == "Completed"
    assert stdout(client, name) == "found\n"


#: Writes a checkpoint, says so, and waits for its node to be taken away; then it goes on.
WAITS = python("""
    import os, time
    os.makedirs("checkpoints/deep", exist_ok=True)
    if os.path.exists("checkpoints/deep/state"):
        print("resumed from", open("checkpoints/deep/state").read())
    else:
        with open("checkpoints/deep/state.new", "w") as file:
            file.write("epoch 7")
        os.rename("checkpoints/deep/state.new", "checkpoints/deep/state")
        print("saved")
        time.sleep(600)
""")


def test_the_same_attempt_goes_on_when_its_node_is_taken_away(
    client: Client, stack: LocalStack
) -> None:
    spot = {"job_tier": "spot"}
    name = client.create_job(job(WAITS, checkpoints=True, queue_settings=spot))["name"]
    assert eventually(lambda: stdout(client, name) == "saved\n")
    assert eventually(lambda: kept(stack, name, "deep/state"))
    preempt(client, stack, name)
    run = ended(client, name)
    assert (run["status"], run["attempt"], run["requeues"]) == ("Completed", 1, 1)
    assert stdout(client, name) == "resumed from epoch 7\n"
    assert no_compute_left(client)


EXAMPLE = Path(__file__).parents[2] / "examples" / "checkpoints"


def test_the_example_goes_on_on_another_node(
    client: Client, stack: LocalStack, tmp_path: Path
) -> None:
    """With the example's own faults, as `retrain up --faults` would have them."""
    plan = yaml.safe_load((EXAMPLE / "faults.yml").read_text())
    httpx.put(stack.addresses["faults"], json=plan, trust_env=False).raise_for_status()
    run = load_job(EXAMPLE / "job.yml")
    done = client.jobs.create_or_update(run).wait()
    record = done.to_dict()
    assert (record["status"], record["attempt"], record["requeues"]) == ("Completed", 1, 1)
    (first,) = stdout(client, done.name).splitlines()[:1]
    went_on = re.fullmatch(r"goes on after epoch (\d+)", first)
    assert went_on, first
    assert 0 < int(went_on[1]) < 20
    done.download(tmp_path)
    model = json.loads((tmp_path / "outputs" / "model.json").read_text())
    assert (model["epoch"], round(model["slope"], 2)) == (20, 3.0)


def kept(stack: LocalStack, run: str, path: str) -> bool:
    """Whether it is in Blob Storage, as far as the emulator's files tell."""
    from azure.storage.blob import BlobServiceClient

    with BlobServiceClient.from_connection_string(stack.addresses["blob"]) as blobs:
        return bool(blobs.get_blob_client(f"checkpoints-{run}", path).exists())


def preempt(client: Client, stack: LocalStack, run: str) -> None:
    (pool,) = [one["id"] for one in client.compute()["pools"] if one["run"] == run]
    url = stack.addresses["faults"].replace("/faults", "/batch/preempt")
    httpx.post(url, json={"pool": pool}, trust_env=False).raise_for_status()
