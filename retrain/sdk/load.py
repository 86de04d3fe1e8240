"""Jobs and schedules from the files that the command line takes."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from retrain.sdk.command import Command
from retrain.sdk.errors import InvalidJob
from retrain.sdk.schedule import Schedule
from retrain.sdk.values import PathLike

if TYPE_CHECKING:
    from retrain.jobfile.source import Source


def load_job(source: PathLike) -> Command:
    """Read a job file, or a component's, as a job that can be changed before it is submitted.

    Paths in it stay relative to the file, and faults that are found later are told with its lines.
    Raises InvalidJob for what is wrong in the file. Whether its code and data are there is only
    looked at when it is submitted, since they may be set before.
    """
    from retrain.jobfile.components import as_job
    from retrain.jobfile.reader import check_job

    read = _checked(source, check_job)
    job = Command.from_dict(as_job(read).document, read.path.parent)
    job._source = as_job(read)
    return job


def load_schedule(source: PathLike) -> Schedule:
    """Read a schedule's file; see load_job. Raises InvalidJob."""
    from retrain.jobfile.reader import check_schedule

    read = _checked(source, check_schedule)
    schedule = Schedule.from_dict(read.document, read.path.parent)
    schedule._source = read
    return schedule


def _checked(source: PathLike, check: "Callable[[Source], None]") -> "Source":
    from retrain.jobfile import JobFileError
    from retrain.jobfile.source import read_source

    try:
        read = read_source(Path(source).resolve())
        check(read)
    except JobFileError as error:
        raise InvalidJob(map(str, error.problems)) from None
    return read
