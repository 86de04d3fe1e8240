"""Which days a schedule means: by calendar, as cron does, or by counting from a first one."""

from calendar import monthrange
from collections.abc import Callable, Collection
from datetime import date, timedelta

Days = Callable[[date], date | None]
#: Years that are searched for a day; the 29th of February on a given weekday can be 40 away.
SIGHT = 60


def calendar_days(
    months: Collection[int], month_days: Collection[int], week_days: Collection[int], *, both: bool
) -> Days:
    """Those in these months whose day of the month and (`both`) or day of the week fit.

    week_days: 0 is Sunday, 6 Saturday.
    """

    def fits(day: date) -> bool:
        of_month, of_week = day.day in month_days, day.isoweekday() % 7 in week_days
        return of_month and of_week if both else of_month or of_week

    def first(day: date) -> date | None:
        end = min(day.year + SIGHT, date.max.year - 1)
        while day.year <= end:
            if day.month not in months:
                day = _next_month(day, 1)
            elif fits(day):
                return day
            else:
                day += timedelta(days=1)
        return None

    return first


def every_nth_day(start: date, interval: int) -> Days:
    def first(day: date) -> date | None:
        return day + timedelta(days=(start - day).days % interval)

    return first


def of_every_nth_week(start: date, interval: int, week_days: Collection[int]) -> Days:
    """week_days: 0 is Monday. Weeks begin on Monday and count from the one of `start`."""
    origin = start - timedelta(days=start.weekday())

    def first(day: date) -> date | None:
        week = (day - origin).days // 7 % interval
        if week:
            day = day - timedelta(days=day.weekday()) + timedelta(weeks=interval - week)
        while day.weekday() not in week_days:
            day += timedelta(days=1)
            if day.weekday() == 0:
                return first(day)
        return day

    return first


def of_every_nth_month(start: date, interval: int, month_days: Collection[int] | None) -> Days:
    """month_days: a month that hasn't one does without it. None: the day of `start`, or the last
    one of a month that is shorter."""

    def in_month(day: date) -> int | None:
        length = monthrange(day.year, day.month)[1]
        wanted = month_days if month_days is not None else [min(start.day, length)]
        return min((n for n in wanted if day.day <= n <= length), default=None)

    def first(day: date) -> date | None:
        end = min(day.year + SIGHT, date.max.year - 1)
        while day.year <= end:
            behind = (day.year - start.year) * 12 + day.month - start.month
            if behind % interval == 0:
                found = in_month(day)
                if found:
                    return day.replace(day=found)
            day = _next_month(day, interval - behind % interval)
        return None

    return first


def _next_month(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 + months
    if index // 12 > date.max.year:
        raise OverflowError("past the calendar")
    return date(index // 12, index % 12 + 1, 1)
