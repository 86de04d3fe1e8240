"""From a mapping to a model and back: the way in and out of the job language.

The mapping is what YAML or JSON gives: dicts with text keys, lists, text, numbers, booleans, null.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.jobs.bindings import binding_problems
from shared.jobs.command import CommandJob
from shared.jobs.component import CommandComponent, sample_values
from shared.jobs.data_trigger import DataTrigger
from shared.jobs.datastore import is_datastore_uri, parse_datastore_path
from shared.jobs.document import Document
from shared.jobs.environment_parse import unresolved
from shared.jobs.expansion import expanded
from shared.jobs.inputs import DataInput, LiteralInput
from shared.jobs.kinds import check_kind
from shared.jobs.placement import placement_problems
from shared.jobs.problems import Field, InvalidDocument, Problem
from shared.jobs.render import command_problems
from shared.jobs.schedule import Schedule
from shared.jobs.validation import below, raise_any, validated

_JOB: Field = ("create_job",)
_SNAPSHOTS = "workspaceworkingdirectory"


def parse_job(document: Mapping[str, Any]) -> CommandJob:
    """The job a document asks for. Raises InvalidDocument with every problem found."""
    check_kind(document, "job")
    job = validated(CommandJob, expanded(document))
    raise_any(job_problems(job))
    return job


def parse_schedule(document: Mapping[str, Any]) -> Schedule:
    """The schedule a document asks for. Raises InvalidDocument with every problem found."""
    check_kind(document, "schedule")
    schedule = validated(Schedule, with_expanded_job(document))
    raise_any(schedule_problems(schedule))
    return schedule


def with_expanded_job(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schedule's document, its job as the command job that it stands for. Raises
    InvalidDocument when that is of another kind."""
    job = document.get("create_job")
    if not isinstance(job, Mapping):
        return document
    try:
        check_kind(job, "job")
        return {**document, "create_job": expanded(job)}
    except InvalidDocument as error:
        raise InvalidDocument(below(_JOB, error.problems)) from None


def job_problems(job: CommandJob) -> Iterable[Problem]:
    """What is wrong with a job whose fields are right each: bindings, the command as a script."""
    return (*binding_problems(job), *command_problems(job), *placement_problems(job))


def schedule_problems(schedule: Schedule) -> Iterable[Problem]:
    """What is wrong with the job of a schedule whose fields are right each."""
    on_data = isinstance(schedule.trigger, DataTrigger)
    job = schedule.create_job
    bound = binding_problems(job, trigger=on_data)
    return below(_JOB, (*bound, *command_problems(job), *placement_problems(job)))


def component_problems(component: CommandComponent) -> Iterable[Problem]:
    """What any job of a component would have wrong, whose fields are right each."""
    job = {"component": dump(component), "inputs": sample_values(component)}
    try:
        parse_job(job)
    except InvalidDocument as error:
        return (one for one in error.problems if one.field[:1] != ("inputs",))
    return ()


def check_resolved(job: CommandJob) -> None:
    """Raise InvalidDocument when the job still names something on its author's own disk."""
    raise_any(_unresolved(job))


def dump(document: Document) -> dict[str, Any]:
    """The document as plain JSON data; reading it again gives an equal model."""
    plain = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    if isinstance(document, Schedule):
        plain["create_job"] = dump(document.create_job)
        return plain
    for name, item in document.inputs.items() if isinstance(document, CommandJob) else ():
        if isinstance(item, LiteralInput) and item.bare:
            plain["inputs"][name] = item.default
    return plain


def _unresolved(job: CommandJob) -> Iterable[Problem]:
    remedy = "send it with `retrain job create -f`, which uploads it first"
    if job.code is not None and not _in_store(job.code):
        yield Problem(("code",), f"'{job.code}' is not a snapshot in the datastore", remedy)
    if job.additional_includes:
        yield Problem(("additional_includes",), "are local paths", remedy)
    for name, item in job.inputs.items():
        if isinstance(item, DataInput) and item.local:
            yield Problem(("inputs", name, "path"), f"'{item.path}' is a local path", remedy)
    yield from unresolved(job.environment, ("environment",), remedy)


def _in_store(uri: str) -> bool:
    if not is_datastore_uri(uri):
        return False
    try:
        place = parse_datastore_path(uri)
    except ValueError:
        return False
    return place.store == _SNAPSHOTS and place.path != ""
