"""Documents from outside, checked: by the job language first, then for what can be run here."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

from shared.domain.errors import Invalid
from shared.jobs import (
    AmlCompute,
    CommandJob,
    DataInput,
    InvalidDocument,
    Schedule,
    check_resolved,
    dump,
    field_name,
    parse_document,
    parse_job,
    parse_schedule,
)

_From = TypeVar("_From")
_To = TypeVar("_To")
#: A user delegation key signs for 7 days at most, and an attempt needs an hour around its script.
LONGEST: Final = 6 * 24 * 3600
#: Bytes of a job as JSON: a message has 256 KB at most, with its envelope.
LARGEST: Final = 200_000
VALIDATE: Final = "`retrain job validate` says where in a file each of them is."


def submitted_job(document: Mapping[str, Any]) -> CommandJob:
    """Raises Invalid, with every problem's field."""
    job = checked(parse_job, document)
    return checked_job(job)


def checked_schedule(document: Mapping[str, Any]) -> Schedule:
    """Raises Invalid, with every problem's field."""
    return checked(parse_schedule, document)


def checked_compute(document: Mapping[str, Any], remedy: str = VALIDATE) -> AmlCompute:
    """Raises Invalid, with every problem's field, and this remedy."""
    compute = checked(lambda given: parse_document(given, "compute"), document, remedy)
    assert isinstance(compute, AmlCompute)
    return compute


def checked_job(job: CommandJob) -> CommandJob:
    """The job, when it can be run as it stands: nothing in it lies on its author's own disk."""
    checked(check_resolved, job)
    problems = [*_problems(job)]
    if problems:
        raise Invalid(
            f"The job can't be run as it is: {problems[0][0]}: {problems[0][1]}.",
            remedy="Mend what is named, and submit it again.",
            code="InvalidJob",
            details=problems,
        )
    return job


def _problems(job: CommandJob) -> Iterator[tuple[str, str]]:
    if job.limits.timeout and job.limits.timeout > LONGEST:
        yield "limits.timeout", f"more than {LONGEST:,} s (6 days) is not supported"
    if job.name is not None:
        yield "name", "Retrain names runs itself, by time; use display_name"
    for name, given in job.inputs.items():
        if not isinstance(given, DataInput) or given.type != "uri_file":
            continue
        if given.path is not None and given.path.endswith("/"):
            yield f"inputs.{name}.path", "a uri_file is one file; name it, or use uri_folder"
    if len(json.dumps(dump(job)).encode()) > LARGEST:
        yield "command", f"the whole job is larger than {LARGEST:,} bytes; put texts into files"


def checked(parse: Callable[[_From], _To], document: _From, remedy: str = VALIDATE) -> _To:
    """What `parse` makes of the document. Raises Invalid where it raises InvalidDocument."""
    try:
        return parse(document)
    except InvalidDocument as error:
        details = [
            (field_name(problem.field), f"{problem.message}; {problem.remedy}".rstrip("; "))
            for problem in error.problems
        ]
        raise Invalid(
            f"The document has {len(details)} problem{'s' * (len(details) > 1)}: "
            f"{': '.join(filter(None, details[0]))}.",
            remedy=remedy,
            code="InvalidDocument",
            details=details,
        ) from error
