"""Fit a line to where water boils, by gradient descent, at several learning rates.

Nothing here says where to track to: Retrain has told MLflow by its variables.
"""

import argparse
import csv
from pathlib import Path

import mlflow

ROWS = Path(__file__).with_name("boiling.csv")


def read() -> list[tuple[float, float]]:
    """(x, y): degrees and inches, each less its mean and divided by its spread."""
    with ROWS.open() as file:
        rows = [tuple(map(float, row)) for row in list(csv.reader(file))[1:]]
    columns = [*zip(*rows, strict=True)]
    scaled = []
    for column in columns:
        mean = sum(column) / len(column)
        spread = (sum((value - mean) ** 2 for value in column) / len(column)) ** 0.5
        scaled.append([(value - mean) / spread for value in column])
    return [*zip(*scaled, strict=True)]


def descend(rows: list[tuple[float, float]], rate: float, epochs: int) -> float:
    """The mean squared error after so many steps; each one's is logged."""
    slope, loss = 0.0, 0.0
    for epoch in range(epochs):
        errors = [(slope * x - y, x) for x, y in rows]
        loss = sum(error**2 for error, _ in errors) / len(rows)
        mlflow.log_metric("loss", loss, step=epoch)
        slope -= rate * 2 * sum(error * x for error, x in errors) / len(rows)
    mlflow.log_dict({"slope": slope}, "model.json")
    return loss


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.01, 0.1, 0.4])
    given = parser.parse_args()
    rows = read()
    with mlflow.start_run():
        mlflow.log_params({"epochs": given.epochs, "rows": len(rows)})
        losses = {}
        for rate in given.rates:
            with mlflow.start_run(run_name=f"rate {rate}", nested=True):
                mlflow.log_param("rate", rate)
                losses[rate] = descend(rows, rate, given.epochs)
        best = min(losses, key=losses.__getitem__)
        mlflow.log_metric("loss", losses[best])
        mlflow.set_tag("best_rate", best)
        print(f"best rate {best}: loss {losses[best]:.4f}")


if __name__ == "__main__":
    main()
