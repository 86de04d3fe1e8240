"""Virtual time: it passes only when somebody says so."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.factories import NOON


@dataclass
class Clock:
    """Called, it tells the time; aware, UTC."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
