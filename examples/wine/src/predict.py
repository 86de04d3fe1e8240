"""Load a model that train.py left, and say what it makes of the wines in a CSV file, as JSON."""

import argparse
import csv
import json
from pathlib import Path

import joblib


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="model.joblib")
    parser.add_argument("--data", type=Path, required=True, help="CSV file")
    asked = parser.parse_args()
    model = joblib.load(asked.model)
    with asked.data.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    wines = [[float(row[name]) for name in model["measurements"]] for row in rows]
    predictions = [str(each) for each in model["forest"].predict(wines)]
    right = sum(each == row["class"] for each, row in zip(predictions, rows, strict=True))
    said = {"model": type(model["forest"]).__name__, "wines": len(rows), "right": right}
    print(json.dumps({**said, "predictions": predictions}))


if __name__ == "__main__":
    main()
