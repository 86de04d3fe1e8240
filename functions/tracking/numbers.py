"""Numbers in JSON."""

import math


def number(value: float) -> float | str:
    """What JSON has no number for is a word, as protobuf writes it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
