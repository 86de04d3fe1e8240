"""A run's attempts as rows of a table."""

from collections.abc import Sequence

from retrain.cli.times import clock, span
from retrain.client.records import Attempt


def rows(over: Sequence[Attempt]) -> list[tuple[str, ...]]:
    """Those that are over; none where the timeline says it all."""
    several = len(over) > 1 or any(one["requeues"] for one in over)
    return [_row(one) for one in over] if several else []


def _row(one: Attempt) -> tuple[str, ...]:
    """Its number, when its script began, how long it took from asking to its end, how it ended."""
    error, requeues = one["error"], one["requeues"]
    how = "completed" if one["cause"] == "none" else error["code"] if error else one["cause"]
    again = f", begun anew {requeues} times" if requeues > 1 else ", begun anew once"
    began = clock(one["started_at"]) or "never began"
    took = span(one["asked_at"], one["ended_at"])
    return f"  {one['number']}", began, took, how + (again if requeues else "")
