"""A short storm in CI; `python -m tests.fuzz batch --minutes 5` is a long one."""

import asyncio
import time
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from retrain.local.batch import BatchServer, BatchSettings
from tests.fuzz.batch import ask, storm
from tests.fuzz.parts.batch_requests import a_request


def test_a_storm_does_no_harm() -> None:
    report = asyncio.run(storm(Random(20261124), time.monotonic() + 3))
    assert report.wrong == []
    assert report.cases > 10


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20))
def test_a_few_requests_do_no_harm(seeds: list[int]) -> None:
    """The storm's requests, one for each seed, at an account of their own: few are left to read."""

    async def few() -> list[int]:
        with TemporaryDirectory() as folder:
            async with BatchServer(BatchSettings(data=Path(folder))) as server:
                asked = [a_request(Random(seed), server.settings) for seed in seeds]
                return [await ask(server, each) for each in asked]

    assert max(asyncio.run(few())) < 500
