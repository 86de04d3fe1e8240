"""`--set inputs.x=1`: fields given on the command line, over those in the file.

A value is typed as it would be in YAML, and is text where an input is declared as text. Set on an
input that is a mapping in the file, it becomes the literal's `default` or the data's `path`; paths
stay relative to the file's folder.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from shlex import quote
from typing import Any

from retrain.jobfile.errors import FileProblem, JobFileError
from retrain.jobfile.includes import part
from retrain.jobfile.places import Place, without
from retrain.jobfile.scalars import Unreadable, scalar_from_text
from retrain.jobfile.source import Source
from shared.jobs import Field
from shared.jobs.inputs import LITERAL_TYPES


def overridden(
    source: Source, overrides: Mapping[str, str], options: Mapping[str, str] | None = None
) -> Source:
    """The source with the fields set, in order. Raises JobFileError for one that can't be.

    options: of fields that have an option of their own, how that is written.
    """
    problems = []
    for name, text in overrides.items():
        option = (options or {}).get(name)
        said = f"{option} {quote(text)}" if option else f"--set {name}={text}"
        place = Place(source.path, setting=said)
        try:
            source = _with(source, name, _value(source.document, name, text), place)
        except Unreadable as error:
            problems.append(FileProblem(place, (), str(error), "write --set name=value"))
    if problems:
        raise JobFileError(source.path, problems)
    return source


def _value(document: Mapping[str, Any], name: str, text: str) -> Any:
    """The value that a text on the command line means: what is declared as text stays text."""
    declared = part(document, (*name.split("."), "type"))
    if declared is None:
        declared = part(document, ("component", *name.split("."), "type"))
    if declared != "string" or not name.startswith("inputs."):
        return scalar_from_text(text)
    with suppress(Unreadable):
        return scalar_from_text(text) if text[:1] in ("'", '"') else text
    return text


def _with(source: Source, name: str, value: Any, place: Place) -> Source:
    field: tuple[str, ...] = tuple(name.split("."))
    if not all(field):
        raise Unreadable(f"'{name}' names no field")
    field = _inner(source.document, field, value)
    document = _replaced(source.document, field, value)
    places: dict[Field, Place] = without(field, source.places)
    for depth in range(1, len(field) + 1):
        places.setdefault(field[:depth], place)
    return replace(source, document=document, places=places)


def _inner(document: Mapping[str, Any], field: tuple[str, ...], value: Any) -> tuple[str, ...]:
    """The field that a bare value is meant for, when an input is written as a mapping."""
    inputs = document.get("inputs")
    if len(field) != 2 or field[0] != "inputs" or not isinstance(inputs, Mapping):
        return field
    written = inputs.get(field[1])
    if not isinstance(written, Mapping) or value is None:
        return field
    return (*field, "default" if written.get("type") in LITERAL_TYPES else "path")


def _replaced(document: Mapping[str, Any], field: tuple[str, ...], value: Any) -> dict[str, Any]:
    head, *rest = field
    if not rest:
        return {**document, head: value}
    inner = document.get(head)
    if inner is None:
        inner = {}
    if not isinstance(inner, Mapping):
        raise Unreadable(f"'{head}' is not a mapping, so nothing can be set in it")
    return {**document, head: _replaced(inner, tuple(rest), value)}
