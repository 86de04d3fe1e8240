"""Job schedules at work: each is looked at when it is due, when a job of it ends, when it changes.

The clock is given, so that a test needs no patience; one that is moved is noticed after `wake`.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from retrain.local.batch.account import Account
from retrain.local.batch.beginnings import Beginnings
from retrain.local.batch.clock import Clock
from retrain.local.batch.endings import Endings
from retrain.local.batch.entity import moment_of, stamp, without_nulls
from retrain.local.batch.fleet import Fleet
from retrain.local.batch.job import Job
from retrain.local.batch.job_schedule import JobSchedule

WITH_SCHEDULE: Final = "TerminateJobSchedule"
_LONGEST_NAP: Final = 3600.0  # a laptop that slept, or a clock that was set, is noticed by then


class Schedules:
    """Makes jobs when they are due, one at a time for each schedule, and ends schedules."""

    def __init__(
        self,
        account: Account,
        beginnings: Beginnings,
        endings: Endings,
        fleet: Fleet,
        clock: Clock,
    ) -> None:
        self._account = account
        self._beginnings = beginnings
        self._endings = endings
        self._fleet = fleet
        self._clock = clock
        self._alarms: dict[str, asyncio.TimerHandle] = {}

    def create(self, schedule_id: str, spec: dict[str, Any]) -> JobSchedule:
        """A new schedule; its first job is made at once when it is due."""
        schedule = JobSchedule(
            id=schedule_id,
            number=next(self._account.numbers),
            spec=spec,
            endpoint=self._account.endpoint,
        )
        schedule.due = stamp(schedule.plan.first(self._clock.now()))
        self._account.add(schedule)
        self.turn(schedule)
        return schedule

    def wake(self) -> None:
        """Look at all schedules: the clock may have been moved."""
        for schedule in list(self._account.schedules.values()):
            self.turn(schedule)

    def resume(self) -> None:
        """After a restart: go on where it stopped; what was missed meanwhile is lost or late."""
        for schedule in list(self._account.schedules.values()):
            if schedule.state == "terminating":
                self._end_jobs(schedule)
            elif schedule.state == "deleting":
                self._delete_jobs(schedule)
            self.turn(schedule)

    def stop(self) -> None:
        """No more alarms."""
        for alarm in self._alarms.values():
            alarm.cancel()
        self._alarms.clear()

    def job_over(self, job: Job) -> None:
        """A job ended or is gone: its schedule may make another, or end."""
        schedule = self._account.schedules.get((job.schedule or "").lower())
        if schedule is not None:
            self.turn(schedule)

    def turn(self, schedule: JobSchedule) -> None:
        """Do what the schedule asks for now."""
        self._quiet(schedule)
        match schedule.state:
            case "active" | "disabled":
                self._follow_plan(schedule)
            case "terminating" if not schedule.busy:
                self._complete(schedule)
            case "deleting" if not schedule.jobs:
                self._drop_pool(schedule)
                self._account.remove(schedule)

    def _follow_plan(self, schedule: JobSchedule) -> None:
        now = self._clock.now()
        turn = schedule.plan.turn(schedule.due_at, now, busy=bool(schedule.busy))
        due = stamp(turn.due) if turn.due else None
        if due != schedule.due:
            schedule.due = due
            self._account.save(schedule)
        if turn.step == "over":
            self._complete(schedule)
        elif turn.step == "make" and schedule.state == "active":
            self._make_job(schedule)
        elif turn.look_again:
            self._set_alarm(schedule, (turn.look_again - now).total_seconds())

    def _make_job(self, schedule: JobSchedule) -> None:
        schedule.made += 1
        schedule.recent = f"{schedule.id}:job-{schedule.made}"
        due, schedule.last_due = schedule.due_at, schedule.due
        following = schedule.plan.after(due) if due else None
        schedule.due = stamp(following) if following else None
        schedule.touch()
        self._account.save(schedule)
        spec = {"id": schedule.recent, **without_nulls(schedule.spec["jobSpecification"])}
        self._beginnings.begin(schedule.recent, spec, schedule)
        self.turn(schedule)

    def _set_alarm(self, schedule: JobSchedule, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        nap = min(max(self._clock.real(seconds), 0.001), _LONGEST_NAP)
        self._alarms[schedule.id.lower()] = loop.call_later(nap, self.turn, schedule)

    def _quiet(self, schedule: JobSchedule) -> None:
        alarm = self._alarms.pop(schedule.id.lower(), None)
        if alarm:
            alarm.cancel()

    def change(self, schedule: JobSchedule, changes: dict[str, Any]) -> None:
        """Other words for jobs to come; a job that exists stays as it is."""
        schedule.spec = schedule.spec | changes
        schedule.touch()
        if "schedule" in changes:
            schedule.due = self._due_after_change(schedule)
        self._account.save(schedule)
        self.turn(schedule)

    def _due_after_change(self, schedule: JobSchedule) -> str | None:
        plan = schedule.plan
        if schedule.last_due is None:
            return stamp(plan.first(self._clock.now()))
        following = plan.after(moment_of(schedule.last_due))
        return stamp(plan.first(following)) if following else None

    def disable(self, schedule: JobSchedule) -> None:
        """Make no more jobs."""
        schedule.to("disabled")
        self._account.save(schedule)
        self.turn(schedule)

    def enable(self, schedule: JobSchedule) -> None:
        """Make jobs again."""
        schedule.to("active")
        self._account.save(schedule)
        self.turn(schedule)

    def terminate(self, schedule: JobSchedule) -> None:
        """End the schedule with the job that is active under it."""
        schedule.to("terminating")
        self._account.save(schedule)
        self._end_jobs(schedule)
        self.turn(schedule)

    def _end_jobs(self, schedule: JobSchedule) -> None:
        for job in schedule.busy:
            self._endings.terminate(job, WITH_SCHEDULE)

    def delete(self, schedule: JobSchedule, *, force: bool) -> None:
        """Remove the schedule and all jobs that were made by it."""
        schedule.to("deleting")
        schedule.forced = force
        self._account.save(schedule)
        self._delete_jobs(schedule)
        self.turn(schedule)

    def _delete_jobs(self, schedule: JobSchedule) -> None:
        for job in list(schedule.jobs.values()):
            if job.state != "deleting":
                self._endings.delete(job, force=schedule.forced)

    def _complete(self, schedule: JobSchedule) -> None:
        schedule.to("completed")
        schedule.ended = stamp(self._clock.now())
        schedule.due = None
        self._account.save(schedule)
        self._drop_pool(schedule)

    def _drop_pool(self, schedule: JobSchedule) -> None:
        pool = self._account.pools.get((schedule.pool_id or "").lower())
        if pool is not None and pool.state != "deleting" and not schedule.keeps_pool:
            self._fleet.delete(pool)
