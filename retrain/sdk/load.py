"""Jobs and schedules from the files that the command line takes."""

from pathlib import Path

from retrain.sdk.command import Command
from retrain.sdk.schedule import Schedule
from retrain.sdk.values import PathLike


def load_job(source: PathLike) -> Command:
    """Read a job file, or a component's, as a job that can be changed before it is submitted.

    Paths in it stay relative to the file, and faults that are found later are told with its lines.
    Raises JobFileError (a Problem) for what is no YAML or JSON.
    """
    from retrain.jobfile.components import as_job
    from retrain.jobfile.source import read_source

    path = Path(source).resolve()
    read = as_job(read_source(path))
    job = Command.from_dict(read.document, path.parent)
    job._source = read
    return job


def load_schedule(source: PathLike) -> Schedule:
    """Read a schedule's file. Raises JobFileError for what is no YAML or JSON."""
    from retrain.jobfile.source import read_source

    path = Path(source).resolve()
    read = read_source(path)
    schedule = Schedule.from_dict(read.document, path.parent)
    schedule._source = read
    return schedule
