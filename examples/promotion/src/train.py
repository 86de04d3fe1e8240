"""A "model" that guesses; how well it does is said on the command line."""

import argparse
import json
from pathlib import Path

import mlflow

parser = argparse.ArgumentParser()
parser.add_argument("--accuracy", type=float)
parser.add_argument("--model", type=Path)
given = parser.parse_args()
mlflow.log_metric("accuracy", given.accuracy)
(given.model / "model.json").write_text(json.dumps({"guesses": "red"}))
