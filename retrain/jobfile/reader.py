"""Job and schedule files, read, checked, and with their local paths found."""

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from retrain.jobfile.components import as_job, with_component
from retrain.jobfile.errors import FileProblem, JobFileError
from retrain.jobfile.includes import part, with_environment, with_job
from retrain.jobfile.local_files import LocalFiles, find_local_files
from retrain.jobfile.overrides import overridden
from retrain.jobfile.places import place_of
from retrain.jobfile.source import Source, read_source, refuse_other_kind
from shared.jobs import (
    Field,
    InvalidDocument,
    dump,
    parse_document,
    parse_job,
    parse_schedule,
)
from shared.jobs.bindings import find_bindings
from shared.jobs.data_input import TRIGGER_BINDINGS
from shared.jobs.document import Document
from shared.jobs.firing import OF_SCHEDULES
from shared.jobs.kinds import kind_of

_Model = TypeVar("_Model", bound=Document)


@dataclass(frozen=True, slots=True)
class JobFile:
    """A job, ready but for its uploads.

    document: plain JSON data with every default filled in and the conda file's content; `code` and
    `inputs.<name>.path` still as written. code, local_inputs: the absolute paths they mean, which
    exist; an input that lies in a datastore already is not among them. includes: what is to be put
    beside the code. folder: of the job file. context: of the environment's Docker build, whose path
    in the document is as written too.
    """

    document: dict[str, Any]
    folder: Path
    code: Path | None
    local_inputs: dict[str, Path]
    includes: tuple[Path, ...] = ()
    context: Path | None = None


@dataclass(frozen=True, slots=True)
class ScheduleFile:
    """A schedule, ready but for the uploads of its job; fields as in JobFile, but `document` is the
    schedule's, with the job under `create_job`."""

    document: dict[str, Any]
    folder: Path
    code: Path | None
    local_inputs: dict[str, Path]
    includes: tuple[Path, ...] = ()
    context: Path | None = None


def read_job(path: Path, overrides: Mapping[str, str] | None = None) -> JobFile:
    """Read a command job, or a component as one. overrides: `--set` names and texts.

    Raises JobFileError.
    """
    return job_file(read_source(path), overrides)


def read_schedule(path: Path, overrides: Mapping[str, str] | None = None) -> ScheduleFile:
    """Read a schedule, with its job inline or in a file of its own. Raises JobFileError."""
    return schedule_file(read_source(path), overrides)


def job_file(source: Source, overrides: Mapping[str, str] | None = None) -> JobFile:
    """The job that a file's content asks for; see read_job."""
    source = overridden(as_job(source), overrides or {})
    refuse_other_kind(source, "job")
    source = with_environment(with_component(source))
    files = _local_files(source)
    files.problems += [*_named(source), *_bound_literals(source, ())]
    job = _parsed(parse_job, source, files.problems)
    folder, includes = source.path.resolve().parent, tuple(files.includes)
    return JobFile(dump(job), folder, files.code, files.inputs, includes, files.context)


def schedule_file(source: Source, overrides: Mapping[str, str] | None = None) -> ScheduleFile:
    """The schedule that a file's content asks for; see read_schedule."""
    at = ("create_job",)
    source = overridden(source, overrides or {})
    refuse_other_kind(source, "schedule")
    source = with_environment(with_component(with_job(source), at), at)
    files = _local_files(source, at)
    files.problems += _bound_in_schedule(source)
    schedule = _parsed(parse_schedule, source, files.problems)
    folder, includes = source.path.resolve().parent, tuple(files.includes)
    return ScheduleFile(dump(schedule), folder, files.code, files.inputs, includes, files.context)


def _local_files(source: Source, at: Field = ()) -> LocalFiles:
    """Of the job that stands there; of its component too, when that could not be put in."""
    files = find_local_files(part(source.document, at), source.places, at)
    inner = (*at, "component")
    if (component := part(source.document, inner)) is not None:
        files.problems += find_local_files(component, source.places, inner).problems
    return files


def check_job(source: Source) -> None:
    """Raise JobFileError for what is wrong in a job's file, or a component's, and in those that
    become part of it. Local paths that it names may still be changed, and so may the values of a
    component's inputs: neither is asked for."""
    if kind_of(source.document) == "component":
        _parsed(parse_document, with_environment(source), [])
        return
    refuse_other_kind(source, "job")
    source = with_environment(with_component(source))
    _parsed(parse_job, source, [*_named(source), *_bound_literals(source, ())])


def check_schedule(source: Source) -> None:
    """As check_job, of a schedule's file."""
    at = ("create_job",)
    refuse_other_kind(source, "schedule")
    source = with_environment(with_component(with_job(source), at), at)
    _parsed(parse_schedule, source, _bound_in_schedule(source))


def _named(source: Source) -> Iterator[FileProblem]:
    if source.document.get("name") is not None:
        message = "Retrain names runs itself, by time"
        place = place_of(("name",), source.places)
        yield FileProblem(place, ("name",), message, "write `display_name:`")


def _parsed(
    parse: Callable[[Mapping[str, Any]], _Model], source: Source, others: list[FileProblem]
) -> _Model:
    try:
        model = parse(source.document)
    except InvalidDocument as error:
        problems = [*source.located(error.problems), *others]
        raise JobFileError(source.path, problems) from None
    if source.problems or others:
        raise JobFileError(source.path, [*source.problems, *others])
    return model


def _bound_in_schedule(source: Source) -> list[FileProblem]:
    of_clock = part(source.document, ("trigger", "type")) in ("cron", "recurrence")
    known = {*OF_SCHEDULES, *(() if of_clock else TRIGGER_BINDINGS)}
    return [*_bound_literals(source, ("create_job",), known)]


def _bound_literals(source: Source, at: Field, known: Container[str] = ()) -> Iterator[FileProblem]:
    """Literals are data, so a binding in one would reach the script as it is written, but for those
    that a schedule fills in."""
    inputs = part(source.document, (*at, "inputs"))
    for name, item in inputs.items() if isinstance(inputs, Mapping) else ():
        if isinstance(item, Mapping):
            item = item.get("default") if item.get("type") == "string" else None
        for binding in find_bindings(item) if isinstance(item, str) else ():
            if binding.what not in known:
                field = (*at, "inputs", name)
                what = "${{" + binding.what + "}}"
                message = f"{what} is not filled in here"
                remedy = "write it in `command` or `environment_variables`"
                yield FileProblem(place_of(field, source.places), field, message, remedy)
