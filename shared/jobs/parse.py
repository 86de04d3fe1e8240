"""From a mapping to a model and back: the way in and out of the job language.

The mapping is what YAML or JSON gives: dicts with text keys, lists, text, numbers, booleans, null.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from shared.jobs.bindings import binding_problems
from shared.jobs.command import Command, CommandJob
from shared.jobs.component import CommandComponent, sample_values
from shared.jobs.data_trigger import DataTrigger
from shared.jobs.datastore import is_datastore_uri, parse_datastore_path
from shared.jobs.document import Document
from shared.jobs.environment_parse import unresolved
from shared.jobs.expansion import expanded
from shared.jobs.inputs import DataInput, LiteralInput
from shared.jobs.kinds import check_kind
from shared.jobs.placement import placement_problems
from shared.jobs.presumed import STAND_INS, AnyCommand, further_problems
from shared.jobs.problems import Field, InvalidDocument, Problem
from shared.jobs.render import command_problems
from shared.jobs.schedule import Schedule
from shared.jobs.validation import below, raise_any, validated

_JOB: Field = ("create_job",)
_SNAPSHOTS = "workspaceworkingdirectory"


def parse_job(document: Mapping[str, Any]) -> CommandJob:
    """The job a document asks for. Raises InvalidDocument with every problem found."""
    check_kind(document, "job")
    whole, problems = _whole_job(document)
    judge = _unjudged if problems else job_problems
    return _judged(CommandJob, whole, problems, judge)


def parse_component(document: Mapping[str, Any]) -> CommandComponent:
    """The component in a document. Raises InvalidDocument with every problem found."""
    check_kind(document, "component")
    return _judged(CommandComponent, document, (), _component_problems)


def parse_schedule(document: Mapping[str, Any]) -> Schedule:
    """The schedule a document asks for. Raises InvalidDocument with every problem found."""
    check_kind(document, "schedule")
    whole, told = _whole_schedule(document)
    problems, job = [*told], whole.get("create_job")
    try:
        schedule = validated(Schedule, whole)
    except InvalidDocument as error:
        problems += error.problems
        if isinstance(job, Mapping) and not told:
            judge = partial(job_problems, trigger=_on_data(whole.get("trigger")))
            wrong = [_above(one) for one in error.problems if one.field[:1] == _JOB]
            problems += below(_JOB, further_problems(CommandJob, job, wrong, judge))
        raise InvalidDocument(problems) from None
    if not problems:
        on_data = isinstance(schedule.trigger, DataTrigger)
        problems += below(_JOB, job_problems(schedule.create_job, trigger=on_data))
    raise_any(problems)
    return schedule


def _judged(
    model: type[AnyCommand],
    document: Mapping[str, Any],
    told: Iterable[Problem],
    judge: Callable[[AnyCommand], Iterable[Problem]],
) -> AnyCommand:
    """The document as the model, if `judge` finds nothing in it either. told: problems of it that
    are known already. Raises InvalidDocument with all that can be said."""
    try:
        made = validated(model, document)
    except InvalidDocument as error:
        further = further_problems(model, document, error.problems, judge)
        raise InvalidDocument([*told, *error.problems, *further]) from None
    raise_any([*told, *judge(made)])
    return made


def _unjudged(job: Command) -> Iterable[Problem]:
    return ()


def _whole_job(document: Mapping[str, Any]) -> tuple[Mapping[str, Any], Sequence[Problem]]:
    """The command job that it stands for, and no problems; or, where its component is wrong, what
    of the job can be checked without it."""
    try:
        return expanded(document), ()
    except InvalidDocument as error:
        left = document if "component" in document else {}
        gone = ("component", "inputs", "outputs", *STAND_INS)
        rest = {name: value for name, value in left.items() if name not in gone}
        return {**STAND_INS, **rest}, error.problems


def _whole_schedule(document: Mapping[str, Any]) -> tuple[Mapping[str, Any], Sequence[Problem]]:
    """The same of a schedule's job; where that is of another kind, with a job in its place."""
    job = document.get("create_job")
    if not isinstance(job, Mapping):
        return document, ()
    try:
        check_kind(job, "job")
        whole, problems = _whole_job(job)
    except InvalidDocument as error:
        whole, problems = STAND_INS, error.problems
    return {**document, "create_job": whole}, [*below(_JOB, problems)]


def _above(problem: Problem) -> Problem:
    return Problem(problem.field[1:], problem.message, problem.remedy)


def _on_data(trigger: Any) -> bool:
    """Whether it may be one that waits for data, as far as it can be told."""
    return not isinstance(trigger, Mapping) or trigger.get("type") not in ("cron", "recurrence")


def job_problems(job: CommandJob, *, trigger: bool = False) -> Iterable[Problem]:
    """What is wrong with a job whose fields are right each: bindings, the command as a script.

    trigger: whether it is the job of a schedule with a data trigger.
    """
    bound = binding_problems(job, trigger=trigger)
    return (*bound, *command_problems(job), *placement_problems(job))


def _component_problems(component: CommandComponent) -> Iterable[Problem]:
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
