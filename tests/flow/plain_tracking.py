"""Tracking by hand, for containers whose image has no MLflow."""

from typing import Final

from retrain.client import Client
from tests.flow.local_stack import ended, job, stdout

#: What any image's Python can do, and MLflow's client does.
PLAIN: Final = """
import json, os, urllib.request
url = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric"
body = {"run_id": os.environ["MLFLOW_RUN_ID"], "key": "loss", "value": 0.5, "timestamp": 1}
headers = {"Content-Type": "application/json"}
headers["Authorization"] = "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]
asked = urllib.request.Request(url, json.dumps(body).encode(), headers)
print(urllib.request.urlopen(asked).status)
"""


def check_that_a_script_is_heard(client: Client, image: str) -> None:
    """The script's network leads to the stack, whatever the script runs in."""
    document = job(
        'python3 -c "$SCRIPT"',
        environment={"image": image},
        environment_variables={"SCRIPT": PLAIN},
    )
    run = ended(client, client.create_job(document)["name"])
    assert stdout(client, run["name"]) == "200\n", run["error"]
    assert client.metrics(run["name"])["metrics"]["loss"]["last"]["value"] == 0.5
