"""Jobs that name a component, and components run alone, as the jobs that they stand for."""

from collections.abc import Mapping
from dataclasses import replace

from retrain.jobfile.includes import Inclusion, included, part, with_environment, with_part
from retrain.jobfile.places import Place, below
from retrain.jobfile.source import Source
from shared.jobs import Field, InvalidDocument, expanded
from shared.jobs.kinds import kind_of


def as_job(source: Source) -> Source:
    """A component's source as that of a job that names it; any other as it is."""
    if kind_of(source.document) != "component":
        return source
    places = below(("component",), source.places) | {(): source.places[()]}
    return replace(source, document={"component": source.document}, places=places)


def with_component(source: Source, job: Field = ()) -> Source:
    """The source with a job that names a component as the job that it stands for, the component's
    file read in; with the component as it is when something is wrong with it, which parsing the
    source tells. job: where it stands."""
    written = part(source.document, job)
    if not isinstance(written, Mapping) or "component" not in written:
        return source
    field = (*job, "component")
    name = written["component"]
    if isinstance(name, str) and not name.startswith("azureml:"):
        source = included(source, Inclusion(field, name))
    return _expanded(with_environment(source, field), job)


def _expanded(source: Source, job: Field) -> Source:
    try:
        whole = expanded(part(source.document, job))
    except InvalidDocument:
        return source
    document = with_part(source.document, job, whole)
    return replace(source, document=document, places=_lifted(source, job))


def _lifted(source: Source, job: Field) -> dict[Field, Place]:
    """The places once the component's fields stand in the job; what the job says itself wins."""
    depth = len(job) + 1
    component = (*job, "component")
    own = {field: place for field, place in source.places.items() if field[:depth] != component}
    lifted = {
        (*job, *field[depth:]): place
        for field, place in source.places.items()
        if field[:depth] == component and len(field) > depth
    }
    for field, place in own.items():
        if field[len(job) : -1] == ("inputs",):
            lifted |= {(*field, "default"): place, (*field, "path"): place}
    return lifted | own
