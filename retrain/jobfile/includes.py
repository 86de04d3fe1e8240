"""Files that a job file refers to and that become part of it: conda, environment and job files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from retrain.jobfile.errors import FileProblem, JobFileError
from retrain.jobfile.places import Place, below, place_of, without
from retrain.jobfile.source import Source, read_source
from shared.jobs import Field

_JOB: Field = ("create_job",)
#: Fields of a job file that are taken together with those beside its name; others are replaced.
_MERGED = ("inputs", "outputs", "environment_variables", "tags", "limits", "resources")


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A field that names a file, to be replaced by the file's content."""

    field: Field
    name: str


def local_name(text: str) -> str:
    """The path in a reference; Azure ML allows `file:` in front of it."""
    return text.removeprefix("file:")


def beside(place: Place, name: str) -> Path:
    """The path that a field written there means: relative to the folder of that file."""
    return place.path.parent / local_name(name)


def with_environment(source: Source, job: Field = ()) -> Source:
    """The source with its environment file and conda file read in."""
    field = (*job, "environment")
    environment = part(source.document, field)
    if isinstance(environment, str) and _is_file(environment):
        source = included(source, Inclusion(field, environment))
        environment = part(source.document, field)
    conda = (*field, "conda_file")
    if isinstance(environment, Mapping) and isinstance(environment.get("conda_file"), str):
        source = included(source, Inclusion(conda, environment["conda_file"]))
    return source


def _is_file(environment: str) -> bool:
    """`file:env.yml`, or just `./env.yml`."""
    bare = environment.endswith((".yml", ".yaml")) and not environment.startswith("azureml:")
    return environment.startswith("file:") or bare


def with_conda_file(source: Source) -> Source:
    """An environment's own source with its conda file read in."""
    if isinstance(source.document.get("conda_file"), str):
        return included(source, Inclusion(("conda_file",), source.document["conda_file"]))
    return source


def with_job(source: Source) -> Source:
    """A schedule's source with its job file read in, under what the schedule itself sets."""
    written = source.document.get("create_job")
    if isinstance(written, str) and not written.startswith("azureml:"):
        return included(source, Inclusion(_JOB, written))
    if not isinstance(written, Mapping) or not isinstance(written.get("job"), str):
        return source
    file = Inclusion((*_JOB, "job"), written["job"])
    whole = included(source, file)
    if file.field in whole.unread:
        return replace(whole, unread=(*whole.unread, _JOB))
    return _merged(source, whole)


def included(source: Source, inclusion: Inclusion) -> Source:
    """The source with the named file's content in the place of its name; or, when that can't be
    read, with the problems."""
    try:
        return _included(source, inclusion)
    except JobFileError as error:
        return replace(
            source,
            problems=(*source.problems, *error.problems),
            unread=(*source.unread, inclusion.field),
        )


def _included(source: Source, inclusion: Inclusion) -> Source:
    place = place_of(inclusion.field, source.places)
    path = beside(place, inclusion.name)
    if not inclusion.name.strip() or not path.is_file():
        message = f"the file '{path}' does not exist"
        remedy = f"paths are relative to {place.path.parent}"
        raise JobFileError(source.path, [FileProblem(place, inclusion.field, message, remedy)])
    inner = read_source(path)
    places = without(inclusion.field, source.places) | below(inclusion.field, inner.places)
    # A fault of the file as a whole is told where the file is named.
    document = with_part(source.document, inclusion.field, inner.document)
    return replace(source, document=document, places=places)


def _merged(outer: Source, source: Source) -> Source:
    """`create_job: {job: <content>, inputs: …}` as one job: what stands beside `job` wins."""
    beside_job = dict(outer.document["create_job"])
    del beside_job["job"]
    content = source.document["create_job"]["job"]
    inner = (*_JOB, "job")
    places = {
        (*_JOB, *field[2:]): place
        for field, place in source.places.items()
        if field[:2] == inner and len(field) > 2
    }
    places |= {field: place for field, place in source.places.items() if field[:2] != inner}
    job = {**content, **beside_job}
    for name in _MERGED:
        if isinstance(content.get(name), Mapping) and isinstance(beside_job.get(name), Mapping):
            job[name] = {**content[name], **beside_job[name]}
    for name, item in _changed_inputs(content, beside_job):
        job["inputs"][name] = item
    return replace(source, document={**source.document, "create_job": job}, places=places)


def _changed_inputs(content: Any, beside_job: Any) -> Iterator[tuple[str, Any]]:
    """Inputs of which something was written and nothing of their type: a value, or another path."""
    old, new = content.get("inputs"), beside_job.get("inputs")
    for name, item in new.items() if isinstance(new, Mapping) else ():
        before = old.get(name) if isinstance(old, Mapping) else None
        if not isinstance(before, Mapping) or item is None:
            continue
        if isinstance(item, Mapping) and "type" not in item:
            yield name, {**before, **item}
        elif not isinstance(item, Mapping | list) and "path" not in before:
            yield name, {**before, "default": item}


def part(document: Any, field: Field) -> Any:
    """What stands there in the document; None when there is nothing."""
    for part in field:
        document = document.get(part) if isinstance(document, Mapping) else None
    return document


def with_part(document: Mapping[str, Any], field: Field, value: Any) -> dict[str, Any]:
    """The document with the value there; the document itself is the empty field."""
    if not field:
        return dict(value)
    head, *rest = field
    name = str(head)
    return {**document, name: with_part(document[name], tuple(rest), value) if rest else value}
