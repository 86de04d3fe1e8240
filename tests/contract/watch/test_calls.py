"""What the watch costs, over the real SDKs and the emulators: calls grow by pages, not by runs."""

from pathlib import Path

import pytest

from tests.bench import watching


@pytest.mark.parametrize("runs", [20, 200])
def test_the_calls_of_a_tick_do_not_grow_with_the_runs(tmp_path: Path, runs: int) -> None:
    """Jobs, pools, node counts, and computes with limits; runs by tens of days, three at most."""
    found = {name: value for name, value, _ in watching.measure(tmp_path, runs)}
    assert found[f"watch_over_{runs}_runs_calls"] <= 7
