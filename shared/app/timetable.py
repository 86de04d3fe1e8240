"""The clock's tick: what is due on the agenda, what nobody needs any more, and once a day a look
whether every schedule is on it.

Any number of instances may do it at once: an entry is deleted once what follows from it is there,
and doing it twice is doing it once. What costs: one list however many schedules there are, and a
few calls for each that is due.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.app.agenda import LOOK, WRITTEN, Agenda, Due
from shared.app.at_once import at_once
from shared.app.clock_triggers import ClockTriggers
from shared.app.schedules import KIND, Schedules
from shared.app.sweeping import Sweeping
from shared.app.windows import WAITING, Windows
from shared.domain.errors import RetrainError, Transient
from shared.jobs import AnyClock
from shared.ports.registry import Registry

log = logging.getLogger("retrain.schedules")

#: Entries that are read at once, and how often in a tick; what is left is the next tick's.
PAGE: Final = 500
_PAGES: Final = 20
#: So long after it began, the writing of a schedule is over, come what may.
_WRITING: Final = timedelta(minutes=10)
_COMPARED: Final = ("clock", "index")
#: Where a version before this one noted how far the clock had come.
_CAME_TO: Final = ("clock", "cron")
_FORM: Final = 1
_DAILY: Final = timedelta(days=1)
#: As far back as times are looked for that no entry tells of.
_REACH: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Timetable:
    schedules: Schedules
    registry: Registry
    agenda: Agenda
    clock_triggers: ClockTriggers
    windows: Windows
    sweeping: Sweeping
    now: Callable[[], datetime]

    def tick(self) -> None:
        """Raises Transient when something has to be done again; the next tick does."""
        failed = 0
        for _ in range(_PAGES):
            due = self.agenda.until(self.now(), PAGE)
            results = at_once(_by_schedule(due), self._tried)
            failed += results.count(False)
            if len(due) < PAGE or failed:
                break
        self._compare_daily()
        self.sweeping.tick()
        if failed:
            raise Transient(f"{failed} schedules could not be looked at; the next tick does.")

    def _tried(self, due: Sequence[Due]) -> bool:
        try:
            self.look(due)
        except RetrainError as error:
            log.warning(
                "schedule %s: left for the next tick: %s", due[0].schedule, error,
                extra={"schedule": due[0].schedule, "code": error.code},
            )  # fmt: skip
            return False
        return True

    def look(self, due: Sequence[Due]) -> None:
        """Do what is due for one schedule, as it stands now, and take it off the agenda."""
        name = due[0].schedule
        kept = self.schedules.find(name)
        if kept is None or not isinstance(kept.schedule.trigger, AnyClock):
            if kept is not None and any(one.tag.startswith(WRITTEN) for one in due):
                self.schedules.index(kept, kept.schedule, self.now())
            self.windows.look(name)
        elif kept.schedule.is_enabled:
            for one in due:
                self.clock_triggers.fire(kept, one)
        for one in due:
            if not one.tag.startswith(WRITTEN) or self.now() - one.moment > _WRITING:
                self.agenda.done(one)

    def _compare_daily(self) -> None:
        note = self.registry.get(*_COMPARED)
        now = self.now()
        if note is None or note["form"] != _FORM:
            self.rebuild()
        elif now - datetime.fromisoformat(note["at"]) >= _DAILY:
            self._compare()
        else:
            return
        self.registry.put(*_COMPARED, {"form": _FORM, "at": now.isoformat()})

    def _compare(self) -> None:
        """Look at those schedules that are neither on the agenda nor watch for files: they are
        disabled, or over, or got lost."""
        there = {due.schedule for due in self.agenda.all()}
        known = there | self.schedules.watched.names()
        for entry in self.registry.entries(KIND):
            if entry.name not in known and (kept := self.schedules.find(entry.name)):
                self.schedules.index(kept, None, self.now() - _REACH)
        self._look_at_what_waits(there)

    def rebuild(self) -> None:
        """Put every schedule, and every file that waits, where it is found, by reading them all."""
        now = self.now()
        before = self.registry.get(*_CAME_TO)
        came_to = datetime.fromisoformat(before["until"]) if before else now - timedelta(minutes=1)
        there = {due.schedule for due in self.agenda.all()}
        every = self.schedules.kept()
        self.schedules.watched.rebuild([kept.schedule for kept in every], now)
        for kept in every:
            due = kept.due_after(max(came_to, now - _REACH))
            if due is not None and kept.name not in there:
                log.warning(
                    "schedule %s: was not on the agenda, is due at %s", kept.name, due,
                    extra={"schedule": kept.name, "due": due},
                )  # fmt: skip
                self.agenda.add(Due(due, kept.name, "rebuilt"))
        self._look_at_what_waits(there)
        if before:
            self.registry.delete(*_CAME_TO)

    def _look_at_what_waits(self, there: set[str]) -> None:
        waiting = {entry.name.partition("~")[0] for entry in self.registry.entries(WAITING)}
        for name in sorted(waiting - there):
            self.agenda.add(Due(self.now(), name, LOOK))


def _by_schedule(due: Sequence[Due]) -> list[list[Due]]:
    """One schedule is looked at by one at a time, here at least."""
    groups: dict[str, list[Due]] = {}
    for one in due:
        groups.setdefault(one.schedule, []).append(one)
    return [*groups.values()]
