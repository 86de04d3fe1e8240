"""From an object to what can be submitted, by the same way that job files take."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrain.jobfile import JobFile, JobFileError, ScheduleFile
from retrain.jobfile.assets import AssetFile, asset_file
from retrain.jobfile.errors import FileProblem
from retrain.jobfile.places import Place
from retrain.jobfile.reader import job_file, schedule_file
from retrain.jobfile.source import Source
from retrain.sdk.errors import InvalidJob
from shared.jobs import field_name

if TYPE_CHECKING:
    from retrain.sdk.assets import Data, Model
    from retrain.sdk.command import Command
    from retrain.sdk.schedule import Schedule

_NAME = "job"  # of a file that isn't there: paths are relative to its folder


def checked_job(job: "Command") -> JobFile:
    """Return the job with its local paths found. Raises InvalidJob."""
    source = _job_source(job)
    try:
        return job_file(source)
    except JobFileError as error:
        raise _invalid(error, source.path) from None


def checked_schedule(schedule: "Schedule") -> ScheduleFile:
    """Return the schedule with its job's local paths found. Raises InvalidJob."""
    source = _schedule_source(schedule)
    try:
        return schedule_file(source)
    except JobFileError as error:
        raise _invalid(error, source.path) from None


def checked_asset(asset: "Data | Model") -> AssetFile:
    """Return data or a model with the local path found. Raises InvalidJob."""
    source = _made(asset.to_dict(), None)
    try:
        return asset_file(source, asset.kind)
    except JobFileError as error:
        raise _invalid(error, source.path) from None


def _job_source(job: "Command") -> Source:
    if job._source is not None:
        return Source(job._source.path, job.to_dict(), job._source.places)
    return _made(job.to_dict(), job.base_path)


def _schedule_source(schedule: "Schedule") -> Source:
    if schedule._source is not None:
        return Source(schedule._source.path, schedule.to_dict(), schedule._source.places)
    base = getattr(schedule.create_job, "base_path", None) or schedule.base_path
    return _made(schedule.to_dict(), base)


def _made(document: dict[str, Any], base: Path | None) -> Source:
    folder = (base or Path.cwd()).resolve()
    words = f"the working folder, {folder}" if base is None else f"base_path, {folder}"
    return Source(folder / _NAME, document, {(): Place(folder / _NAME, folder=words)})


def _invalid(error: JobFileError, file: Path) -> InvalidJob:
    return InvalidJob(_sentence(problem, file) for problem in error.problems)


def _sentence(problem: FileProblem, file: Path) -> str:
    if problem.place.path != file or problem.place.line:
        return str(problem)  # a real file, or a conda file that the job names
    name = f"{field_name(problem.field)}: " if problem.field else ""
    return f"{name}{problem.message}" + (f"; {problem.remedy}" if problem.remedy else "")
