"""Run src/train.py, locally or on the compute that --target names."""

import argparse
from pathlib import Path

from retrain import Client, Environment, Experiment, ScriptRunConfig

parser = argparse.ArgumentParser()
parser.add_argument("--target", default="local")
given = parser.parse_args()

config = ScriptRunConfig(
    source_directory=Path(__file__).parent / "src",
    script="train.py",
    arguments=["--title", 'it\'s $(only) "text"', "--epochs", 3],
    compute_target=given.target,
    environment=Environment(image="python:3.11-slim"),
)

with Client() as client:
    run = Experiment(client, "script-run-config").submit(config)
    run.wait_for_completion(show_output=True)
    print(run.get_status(), run.get_file_names())
