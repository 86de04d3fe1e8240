"""Checking files of any kind, and those they refer to, without a server."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from retrain.jobfile.assets import asset_file
from retrain.jobfile.collection import Collected
from retrain.jobfile.errors import FileProblem, JobFileError, located
from retrain.jobfile.includes import Inclusion, beside, included, with_environment
from retrain.jobfile.local_files import find_local_files
from retrain.jobfile.places import place_of
from retrain.jobfile.reader import job_file, schedule_file
from retrain.jobfile.source import Source, read_source
from shared.jobs import (
    Field,
    InvalidDocument,
    check_conda,
    document_kind,
    is_remote,
    parse_document,
)
from shared.jobs.kinds import kind_of
from shared.jobs.wording import problem


@dataclass(frozen=True, slots=True)
class Checked:
    """kind: what the file was taken for; None when nothing tells, which is a problem only of a file
    that was named. problems: in the order of their lines, those of files it refers to among them.
    """

    path: Path
    kind: str | None
    problems: tuple[FileProblem, ...] = ()

    @property
    def skipped(self) -> bool:
        """Whether it is no document of the job language, which nobody said that it is."""
        return self.kind is None and not self.problems


def check(file: Collected) -> Checked:
    """Everything that is wrong with the file and what it refers to."""
    kind = None
    try:
        source = read_source(file.path)
        kind = kind_of(source.document) or _conda(source.document)
        if kind is None and not file.named:
            return Checked(file.path, None)
        _check(source)
    except JobFileError as error:
        return Checked(file.path, kind, error.problems)
    return Checked(file.path, kind)


def _conda(document: Mapping[str, Any]) -> str | None:
    """The kind of a conda file, which is no document of its own but part of an environment."""
    return "conda" if isinstance(document.get("dependencies"), list) else None


def _check(source: Source) -> None:
    if kind_of(source.document) is None and _conda(source.document):
        _check_conda(source)
        return
    try:
        kind = document_kind(source.document)
    except InvalidDocument as error:
        raise JobFileError(source.path, located(error.problems, source.places)) from None
    _CHECKS.get(kind, _check_other)(source)


def _check_component(source: Source) -> None:
    source = with_environment(source)
    files = find_local_files(source.document, source.places)
    _parse(source, files.problems)


def _check_environment(source: Source) -> None:
    if isinstance(source.document.get("conda_file"), str):
        source = included(source, Inclusion(("conda_file",), source.document["conda_file"]))
    _parse(source, _missing(source, ("build", "path")))


def _check_conda(source: Source) -> None:
    try:
        check_conda(source.document)
    except ValidationError as error:
        faults = map(problem, error.errors(include_url=False))
        raise JobFileError(source.path, located(faults, source.places)) from None


def _check_other(source: Source) -> None:
    _parse(source, _missing(source, ("path",)))


def _parse(source: Source, others: Iterator[FileProblem] | list[FileProblem]) -> None:
    problems = [*others]
    try:
        parse_document(source.document)
        problems += source.problems
    except InvalidDocument as error:
        problems += source.located(error.problems)
    if problems:
        raise JobFileError(source.path, problems)


def _missing(source: Source, field: Field) -> Iterator[FileProblem]:
    """A problem when the field names a path on this machine where nothing is."""
    value: Any = source.document
    for name in field:
        value = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(value, str) or is_remote(value):
        return
    place = place_of(field, source.places)
    path = beside(place, value)
    if not path.exists():
        remedy = f"paths are relative to {place.folder}"
        yield FileProblem(place, field, f"'{path}' does not exist", remedy)


_CHECKS: Final[Mapping[str, Callable[[Source], object]]] = {
    "job": job_file,
    "schedule": schedule_file,
    "component": _check_component,
    "environment": _check_environment,
    "data": partial(asset_file, kind="data"),
    "model": partial(asset_file, kind="model"),
}
