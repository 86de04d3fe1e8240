"""Fit a line through points by gradient descent, with nothing but the standard library."""

import argparse
import csv
import json
from pathlib import Path

STEPS = 2_000

parser = argparse.ArgumentParser()
parser.add_argument("--data", type=Path, required=True)
parser.add_argument("--rate", type=float, required=True)
parser.add_argument("--to", type=Path, required=True)
given = parser.parse_args()

with given.data.open(newline="") as file:
    points = [(float(row["x"]), float(row["y"])) for row in csv.DictReader(file)]
slope = offset = 0.0
for _ in range(STEPS):
    errors = [slope * x + offset - y for x, y in points]
    slope -= given.rate * sum(e * x for e, (x, _) in zip(errors, points, strict=True)) / len(points)
    offset -= given.rate * sum(errors) / len(points)
print(f"{len(points)} points: y = {slope:.2f} x + {offset:.2f}")
(given.to / "line.json").write_text(
    json.dumps({"slope": round(slope, 2), "offset": round(offset, 2)})
)
