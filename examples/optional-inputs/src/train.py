"""Prints what it was given, as a training script would use it."""

import argparse

options = argparse.ArgumentParser()
options.add_argument("--rate", type=float, required=True)
options.add_argument("--epochs", type=int)
options.add_argument("--note")
given = options.parse_args()

print(f"rate {given.rate}")
print(f"epochs {given.epochs or 'as many as it takes'}")
print(f"note {given.note or 'none'}")
