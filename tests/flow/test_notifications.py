"""Whom a run tells of its end, on a live stack; with the example's own receiver."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from retrain.client import Client
from retrain.jobfile import read_job
from tests.contract.webhooks.receiver import receiving
from tests.flow.local_stack import LocalStack, ended, eventually, free_ports, job

pytestmark = pytest.mark.xdist_group("stack")
EXAMPLE = Path(__file__).parents[2] / "examples" / "notifications"


def test_a_receiver_that_is_down_for_a_moment(client: Client) -> None:
    with receiving() as receiver:
        receiver.statuses = [503]
        told = [{"webhook": f"{receiver.url}/hook", "events": ["failed", "canceled"]}]
        name = client.create_job(job("exit 3", notifications=told))["name"]
        assert ended(client, name)["status"] == "Failed"
        assert eventually(lambda: len(receiver.heard) == 2)
        (_, first, body), (_, second, again) = receiver.heard
        assert first["webhook-id"] == second["webhook-id"] == f"{name}-failed-0"
        assert body == again
        assert eventually(lambda: client.get_job(name)["notified"][0]["state"] == "told")
        (told_,) = client.get_job(name)["notified"]
        assert (told_["webhook"], told_["occasion"]) == (f"{receiver.url}/hook", "failed")
        assert (told_["tries"], told_["reason"]) == (2, "")


def test_the_examples_receiver_knows_who_is_calling(stack: LocalStack, client: Client) -> None:
    (port,) = free_ports(1)
    environment = {**os.environ, "RETRAIN_WEBHOOK_SECRET": stack.addresses["webhook_secret"]}
    document = dict(read_job(EXAMPLE / "job.yml", {}).document)
    document["notifications"][0]["webhook"] = f"http://127.0.0.1:{port}/hook"
    with subprocess.Popen(
        [sys.executable, str(EXAMPLE / "receiver.py"), str(port)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as receiver:
        try:
            name = client.create_job(document)["name"]
            assert receiver.stdout is not None
            assert receiver.stdout.readline() == f"run.completed {name} nightly\n"
        finally:
            receiver.terminate()
