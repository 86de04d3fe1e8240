"""A short storm in CI; `python -m tests.fuzz servicebus_admin --minutes 5` is a long one."""

import asyncio
import time
from random import Random

from tests.fuzz.servicebus_admin import storm


def test_a_storm_does_no_harm() -> None:
    report = asyncio.run(storm(Random(20261124), time.monotonic() + 3))
    assert report.wrong == []
    assert report.cases > 10
