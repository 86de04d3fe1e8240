"""From a mapping to a model and back: the way in and out of the job language.

The mapping is what YAML or JSON gives: dicts with text keys, lists, text, numbers, booleans, null.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from shared.jobs.bindings import binding_problems
from shared.jobs.command import CommandJob
from shared.jobs.datastore import is_datastore_uri, parse_datastore_path
from shared.jobs.document import Document
from shared.jobs.inputs import DataInput, LiteralInput
from shared.jobs.kinds import check_kind
from shared.jobs.problems import InvalidDocument, Problem
from shared.jobs.render import command_problems
from shared.jobs.schedule import DataTrigger, Schedule
from shared.jobs.wording import problem

AnyDocument = TypeVar("AnyDocument", bound=Document)


def parse_job(document: Mapping[str, Any]) -> CommandJob:
    """The job a document asks for. Raises InvalidDocument with every problem found."""
    check_kind(document, "job")
    job = validated(CommandJob, document)
    raise_any(job_problems(job))
    return job


def parse_schedule(document: Mapping[str, Any]) -> Schedule:
    """The schedule a document asks for. Raises InvalidDocument with every problem found."""
    check_kind(document, "schedule")
    if isinstance(document.get("create_job"), Mapping):
        check_kind(document["create_job"], "job", ("create_job",))
    schedule = validated(Schedule, document)
    raise_any(schedule_problems(schedule))
    return schedule


def job_problems(job: CommandJob) -> Iterable[Problem]:
    """What is wrong with a job whose fields are right each: bindings, the command as a script."""
    return (*binding_problems(job), *command_problems(job))


def schedule_problems(schedule: Schedule) -> Iterable[Problem]:
    """What is wrong with the job of a schedule whose fields are right each."""
    on_data = isinstance(schedule.trigger, DataTrigger)
    job = schedule.create_job
    for one in (*binding_problems(job, trigger=on_data), *command_problems(job)):
        yield Problem(("create_job", *one.field), one.message, one.remedy)


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


def validated(model: type[AnyDocument], document: Mapping[str, Any]) -> AnyDocument:
    """The document as this model. Raises InvalidDocument with every problem of its fields."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=True)
        raise InvalidDocument(problem(detail) for detail in details) from None


def raise_any(problems: Iterable[Problem]) -> None:
    """Raise InvalidDocument when there is a problem."""
    found = tuple(problems)
    if found:
        raise InvalidDocument(found)


def _unresolved(job: CommandJob) -> Iterable[Problem]:
    remedy = "send it with `retrain job create -f`, which uploads it first"
    if job.code is not None and not _in_store(job.code):
        yield Problem(("code",), f"'{job.code}' is not a snapshot in the datastore", remedy)
    for name, item in job.inputs.items():
        if isinstance(item, DataInput) and item.local:
            yield Problem(("inputs", name, "path"), f"'{item.path}' is a local path", remedy)
    if isinstance(job.environment.conda_file, str):
        yield Problem(("environment", "conda_file"), "is a local path", remedy)


def _in_store(uri: str) -> bool:
    if not is_datastore_uri(uri):
        return False
    try:
        return parse_datastore_path(uri).path != ""
    except ValueError:
        return False
