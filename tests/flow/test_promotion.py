"""Runs that challenge a champion on the live stack, and who is told of it."""

from pathlib import Path

import mlflow
import pytest

from retrain.client import Client, Run
from retrain.jobfile import read_job
from retrain.submit import submit
from tests.contract.webhooks.receiver import receiving
from tests.flow.local_stack import ended, eventually

pytestmark = pytest.mark.xdist_group("stack")
EXAMPLE = Path(__file__).parents[2] / "examples" / "promotion" / "job.yml"


def challenger(client: Client, accuracy: float, webhook: str) -> Run:
    """The example with this test's own MLflow, so that no environment has to be built."""
    job = read_job(EXAMPLE, {"inputs.accuracy": str(accuracy)})
    job.document["environment"] = {"image": "python:3.11-slim"}
    job.document["environment_variables"] = {
        "PYTHONPATH": str(Path(mlflow.__file__).parents[1]),
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    job.document["notifications"] = [{"webhook": webhook, "events": ["promoted"]}]
    run = ended(client, submit(client, job)["name"])
    assert run["status"] == "Completed", run["error"]
    return run


def test_the_better_one_takes_the_label(client: Client) -> None:
    with receiving() as receiver:
        runs = [challenger(client, accuracy, receiver.url) for accuracy in (0.7, 0.6, 0.75)]
        told = [written["promotion"] for run in runs for written in run["writes"]]
        assert [one and one["promoted"] for one in told] == [True, False, True]
        reasons = [one["reason"] for one in told if one]
        assert reasons[0] == "accuracy is 0.7, and there was no champion"
        assert "accuracy is 0.6, version 1, the champion, has 0.7" in reasons[1]
        assert client.get_asset("models", "guesser@champion")["version"] == "3"
        assert eventually(lambda: len(receiver.heard) == 2)
        ids = {headers["webhook-id"] for _, headers, _ in receiver.heard}
        assert ids == {f"{run['name']}-promoted-0" for run in (runs[0], runs[2])}
