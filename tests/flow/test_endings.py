"""Runs that somebody ends, and processes that would not end."""

import os
import signal

import psutil
import pytest

from retrain.client import Client, Ended, LogText
from tests.flow.local_stack import ended, eventually, job, no_compute_left, stdout

pytestmark = pytest.mark.xdist_group("stack")


def test_cancel_while_it_runs(client: Client) -> None:
    name = client.create_job(job("echo begun; sleep 300"))["name"]
    assert eventually(lambda: stdout(client, name) == "begun\n")
    client.cancel(name)
    client.cancel(name)
    run = ended(client, name)
    assert run["status"] == "Canceled"
    assert stdout(client, name) == "begun\n", "the log outlives the node"
    assert no_compute_left(client)
    assert client.cancel(name)["status"] == "Canceled"


def test_a_run_that_is_canceled_unwatched_tells_all_that_happened(client: Client) -> None:
    """No tick of the watch comes by: the node itself is asked when the run began."""
    name = client.create_job(job("echo begun; sleep 300"))["name"]
    assert eventually(lambda: stdout(client, name) == "begun\n")
    live = client.get_job(name)
    assert live["status"] == "Running"
    assert client.cancel(name)["status"] == "CancelRequested"
    items = list(client.follow(name))
    run = ended(client, name)
    statuses = [moment["status"] for moment in run["timeline"]]
    assert statuses[-3:] == ["Running", "CancelRequested", "Canceled"]
    assert run["started_at"] == live["started_at"]
    logs = [item for item in items if isinstance(item, LogText)]
    assert "".join(item.text for item in logs if item.file == "stdout.txt") == "begun\n"
    assert isinstance(items[-1], Ended)


def test_cancel_at_once(client: Client) -> None:
    name = client.create_job(job("sleep 300"))["name"]
    client.cancel(name)
    assert ended(client, name)["status"] == "Canceled"
    assert no_compute_left(client)


def test_what_a_script_leaves_running_ends_with_it(client: Client) -> None:
    script = "setsid sh -c 'exec sleep 317' > /dev/null 2>&1 & echo started"
    name = client.create_job(job(script))["name"]
    assert ended(client, name)["status"] == "Completed"
    left = [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "317"]]
    for process in left:
        os.kill(process.pid, signal.SIGKILL)
    assert not left
