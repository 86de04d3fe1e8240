"""From times on a wall clock to moments, over the changes that zones make to their clocks.

Times at fixed hours are due once, when the wall clock first reaches or passes them: those of a
skipped hour right after it, those of a repeated hour the first time round. Times of every hour go
by the time that passes: they are due whenever the wall clock shows them, in a repeated hour twice.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from shared.jobs.days import Days

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Hours and minutes, ascending, of certain days. day: the first one of them from a date on;
    None when there is none in sight."""

    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    day: Days

    @property
    def hourly(self) -> bool:
        return len(self.hours) == 24

    def after(self, wall: datetime) -> datetime | None:
        """The first time past this one, both without a zone."""
        today = self.day(wall.date())
        if today == wall.date():
            found = self._time_after(wall.hour, wall.minute)
            if found:
                return datetime.combine(today, time(*found))
            today = self.day(today + _DAY)
        if today is None:
            return None
        return datetime.combine(today, time(self.hours[0], self.minutes[0]))

    def has(self, wall: datetime) -> bool:
        return self.after(wall - _SECOND) == wall

    def _time_after(self, hour: int, minute: int) -> tuple[int, int] | None:
        if hour in self.hours and minute < self.minutes[-1]:
            return hour, self.minutes[bisect_left(self.minutes, minute + 1)]
        later = bisect_left(self.hours, hour + 1)
        return (self.hours[later], self.minutes[0]) if later < len(self.hours) else None


def moments(pattern: Pattern, zone: tzinfo, after: datetime) -> Iterator[datetime]:
    """The pattern's moments past this one, in UTC, ascending."""
    start = after.astimezone(UTC)
    return _passing(pattern, zone, start) if pattern.hourly else _fixed(pattern, zone, start)


def _fixed(pattern: Pattern, zone: tzinfo, last: datetime) -> Iterator[datetime]:
    wall: datetime | None = _wall(last, zone)
    while wall is not None and (wall := pattern.after(wall)) is not None:
        moment = reached(wall, zone)
        if moment > last:  # not those of the first time round, nor two of one skipped hour
            yield moment
            last = moment


def _passing(pattern: Pattern, zone: tzinfo, now: datetime) -> Iterator[datetime]:
    while (wall := pattern.after(_wall(now, zone))) is not None:
        ahead = wall - _wall(now, zone)
        horizon = now + min(ahead, _DAY)
        if _offset(horizon, zone) != _offset(now, zone):
            now = _change(now, horizon, zone)
            if pattern.has(_wall(now, zone)):
                yield now
        elif ahead <= _DAY:
            now = horizon
            yield now
        else:  # nothing until then, however the clock is changed on the way
            now += max(_DAY, ahead - 2 * _DAY)


def reached(wall: datetime, zone: tzinfo) -> datetime:
    """When the wall clock first shows this time or, where it is skipped, passes it; UTC."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _wall(first, zone) == wall:
        return first
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _change(min(before, first), max(before, first), zone)


def _change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The moment in (before, after] from which on the clock has another offset than before."""
    old = _offset(before, zone)
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(before + middle * _SECOND, zone) == old:
            low = middle
        else:
            high = middle
    return before + high * _SECOND


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _offset(moment: datetime, zone: tzinfo) -> timedelta | None:
    return moment.astimezone(zone).utcoffset()
