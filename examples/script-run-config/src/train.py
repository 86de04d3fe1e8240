"""Say what it was given, epoch by epoch, and leave a file."""

import argparse
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--title", required=True)
parser.add_argument("--epochs", type=int, required=True)
given = parser.parse_args()

for epoch in range(1, given.epochs + 1):
    print(f"{given.title}: epoch {epoch}")
Path("outputs/title.txt").write_text(given.title)
