"""What the clock has to look at and when: one small document each, named by its moment.

The names sort by time, so what is due is the beginning of one list, however many schedules there
are. An entry asks for nothing by itself: whoever comes to it reads the schedule as it stands then.
So one too many does no harm, and one is deleted only once what follows from it is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.domain.errors import Conflict
from shared.ports.registry import Registry

KIND: Final = "due"
_FORM: Final = "%Y%m%dT%H%M%SZ"
#: Tags: a look at the files that wait, a look after a schedule was written, and a time that waits
#: for the run before it.
LOOK: Final = "look"
WRITTEN: Final = "written"
WAITING: Final = "since"


@dataclass(frozen=True, slots=True)
class Due:
    """schedule: the one to look at, at `moment`. tag: why."""

    moment: datetime
    schedule: str
    tag: str

    @property
    def name(self) -> str:
        return f"{self.moment.astimezone(UTC):{_FORM}}~{self.schedule}~{self.tag}"

    @property
    def since(self) -> datetime:
        """From when on times may not have been asked for yet."""
        if self.tag.startswith(WAITING):
            return datetime.strptime(self.tag.removeprefix(WAITING), _FORM).replace(tzinfo=UTC)
        return self.moment


def waiting(moment: datetime, schedule: str, tick: datetime) -> Due:
    return Due(moment, schedule, f"{WAITING}{tick.astimezone(UTC):{_FORM}}")


@dataclass(frozen=True, slots=True)
class Agenda:
    registry: Registry

    def add(self, due: Due) -> None:
        """Rounded up to a second. The same one twice is one."""
        if due.moment.microsecond:
            up = due.moment.replace(microsecond=0) + timedelta(seconds=1)
            due = Due(up, due.schedule, due.tag)
        try:
            self.registry.save(KIND, due.name, {}, None)
        except Conflict:
            return

    def done(self, due: Due) -> None:
        self.registry.delete(KIND, due.name)

    def until(self, now: datetime, limit: int) -> Sequence[Due]:
        """The first `limit` of all, as far as they are due; one call for 5,000."""
        first = [_read(entry.name) for entry in self.registry.entries(KIND, limit=limit)]
        return [due for due in first if due is not None and due.moment <= now]

    def all(self) -> Sequence[Due]:
        """Every one, due or not; a call for each 5,000."""
        return [due for entry in self.registry.entries(KIND) if (due := _read(entry.name))]


def _read(name: str) -> Due | None:
    moment, _, rest = name.partition("~")
    schedule, _, tag = rest.partition("~")
    try:
        return Due(datetime.strptime(moment, _FORM).replace(tzinfo=UTC), schedule, tag)
    except ValueError:
        return None  # nothing of ours
