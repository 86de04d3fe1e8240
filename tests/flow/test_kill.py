"""kill -9 of the whole stack, for real, at ten moments of a run's life; then `retrain up`."""

import os
import random
import time
from pathlib import Path
from typing import TypeGuard

import pytest

from retrain.client import Ended, LogText, Restarted
from retrain.client.follow import Item
from tests.flow.local_stack import LocalStack, ended, eventually, job, no_compute_left, stdout

#: Printed with a failure; RETRAIN_SEED repeats it.
SEED = int(os.environ.get("RETRAIN_SEED", random.randrange(10**6)))
MOMENTS = 10
LIFE = 1.3  # seconds that a run takes, about


SCRIPT = """\
if [ -e {flag} ]; then echo again; else touch {flag}; seq 1000; exec sleep 300; fi
"""


def test_who_follows_a_run_is_told_that_its_script_starts_again(tmp_path: Path) -> None:
    """What the second prints is shorter than what was read of the first."""
    stack = LocalStack(tmp_path / "stack")
    stack.start()
    with stack.client() as client:
        name = client.create_job(job(SCRIPT.format(flag=tmp_path / "flag")))["name"]
        items = client.follow(name)
        said = ""
        while not said.endswith("\n1000\n"):
            item = next(items)
            said += item.text if is_told(item) else ""
        stack.kill()
        stack.start()
        after = [item for item in items if is_told(item) or isinstance(item, Restarted | Ended)]
    again, text, end = after
    assert again == Restarted(1)
    assert isinstance(text, LogText)
    assert text.text == "again\n"
    assert isinstance(end, Ended)
    assert (end.run["status"], end.run.get("requeues")) == ("Completed", 1)
    assert stack.stop() == 0


def is_told(item: Item) -> TypeGuard[LogText]:
    """Whether it is of what the script prints."""
    return isinstance(item, LogText) and item.file == "stdout.txt"


@pytest.mark.timeout(400)
def test_a_killed_stack_goes_on_where_it_stood(tmp_path: Path) -> None:
    moments = random.Random(SEED)
    stack = LocalStack(tmp_path / "stack")
    stack.start()
    for number in range(MOMENTS):
        with stack.client() as client:
            command = f"echo begun; sleep 0.7; echo {number} > outputs/model"
            name = client.create_job(job(command))["name"]
        moment = moments.uniform(0, LIFE)
        time.sleep(moment)
        stack.kill()
        stack.start()
        with stack.client() as client:
            run = ended(client, name, patience=90)
            story = f"seed {SEED}, kill {number} after {moment:.3f} s: {run['timeline']}"
            assert run["status"] == "Completed", (story, run["error"])
            statuses = [m["status"] for m in run["timeline"]]
            assert statuses.count("Completed") == 1, story
            assert stdout(client, name) == "begun\n", story
            kept = [file["path"] for file in client.outputs(name)]
            assert "outputs/model" in kept, story
            assert no_compute_left(client), story
            assert len(list(client.list_jobs())) == number + 1, story
    assert stack.stop() == 0
    assert eventually(lambda: not stack.processes()), stack.processes()
    assert not [f for f in (stack.data / "batch").rglob("retrain-*") if f.is_dir()]
