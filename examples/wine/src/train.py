"""Train a classifier that tells, from a wine's chemical analysis, which cultivar it was made from.

Reads one or more CSV files with a `class` column, holds out a quarter of the rows, and leaves the
model and its accuracy on those rows in ./outputs.
"""

import argparse
import csv
import json
from pathlib import Path

import joblib
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

OUTPUTS = Path("outputs")
ROUNDS = 5  # the forest grows in so many steps, each with a line in the log


def read(files):
    """The measurements and the classes of all rows, and the names of the measurements."""
    measurements, classes, names = [], [], None
    for file in files:
        with file.open(newline="") as lines:
            rows = csv.DictReader(lines)
            *columns, last = rows.fieldnames or ["nothing"]
            if last != "class" or (names or columns) != columns:
                raise SystemExit(f"{file.name}: its header is not that of data/wine-base.csv.")
            names = columns
            before = len(classes)
            for row in rows:
                classes.append(row.pop("class"))
                measurements.append([float(value) for value in row.values()])
        print(f"read {len(classes) - before} wines from {file.name}", flush=True)
    return np.array(measurements), np.array(classes), names


def train(data, n_estimators, seed):
    measurements, classes, names = read(data)
    learn, held_out, learn_classes, held_out_classes = train_test_split(
        measurements, classes, test_size=0.25, stratify=classes, random_state=seed
    )
    forest = RandomForestClassifier(warm_start=True, random_state=seed)
    for size in sorted({max(1, n_estimators * step // ROUNDS) for step in range(1, ROUNDS + 1)}):
        forest.set_params(n_estimators=size).fit(learn, learn_classes)
        accuracy = float(accuracy_score(held_out_classes, forest.predict(held_out)))
        print(f"{forest.n_estimators} trees: accuracy {accuracy:.3f}", flush=True)
    metrics = {
        "accuracy": round(accuracy, 4),
        "rows": len(classes),
        "held_out_rows": len(held_out),
        "n_estimators": forest.n_estimators,
    }
    return {"forest": forest, "measurements": names}, metrics


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="CSV files")
    parser.add_argument("--n-estimators", type=int, default=100, help="trees in the forest")
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    model, metrics = train(asked.data, asked.n_estimators, asked.seed)
    OUTPUTS.mkdir(exist_ok=True)
    joblib.dump(model, OUTPUTS / "model.joblib")
    (OUTPUTS / "metrics.json").write_text(json.dumps(metrics) + "\n")
    learnt, accuracy = metrics["rows"] - metrics["held_out_rows"], metrics["accuracy"]
    others = metrics["held_out_rows"]
    print(f"trained on {learnt} wines, accuracy {accuracy} on {others} others", flush=True)


if __name__ == "__main__":
    main()
