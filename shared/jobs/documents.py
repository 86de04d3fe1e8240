"""Every kind of document, and how each becomes a model: the one way into the job language.

A new kind is one line in `KINDS`: its name in `kinds.WORDS`, its model, and, if the fields alone
don't say all, a function that makes one and looks for problems in the whole of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.jobs.command import CommandJob
from shared.jobs.component import CommandComponent
from shared.jobs.compute import AmlCompute
from shared.jobs.data_asset import DataAsset, ModelAsset
from shared.jobs.document import Document
from shared.jobs.environment import Environment
from shared.jobs.kinds import NOT_YET, WORDS, check_kind, kind_of, not_yet
from shared.jobs.parse import parse_component, parse_job, parse_schedule
from shared.jobs.problems import InvalidDocument, Problem
from shared.jobs.schedule import Schedule
from shared.jobs.stores import Datastore
from shared.jobs.validation import validated


@dataclass(frozen=True, slots=True)
class Kind:
    """model: of the documents of this kind. parse: makes one, where there is more to it than its
    fields; raises InvalidDocument."""

    model: type[Document]
    parse: Callable[[Mapping[str, Any]], Document] | None = None


#: Kind → model. A lane that brings a model adds its line here.
KINDS: Final[Mapping[str, Kind]] = {
    "job": Kind(CommandJob, parse_job),
    "component": Kind(CommandComponent, parse_component),
    "environment": Kind(Environment),
    "schedule": Kind(Schedule, parse_schedule),
    "data": Kind(DataAsset),
    "model": Kind(ModelAsset),
    "datastore": Kind(Datastore),
    "compute": Kind(AmlCompute),
}


def parse_document(document: Mapping[str, Any], wanted: str | None = None) -> Document:
    """The model of a document of any kind. Raises InvalidDocument with every problem found.

    wanted: a key of KINDS when only that kind will do: then a document that doesn't tell its kind
    is taken for one of it. Without it the kind comes from `$schema`, `type` or the fields.
    """
    kind = KINDS[document_kind(document, wanted)]
    return kind.parse(document) if kind.parse else validated(kind.model, document)


def document_kind(document: Any, wanted: str | None = None) -> str:
    """The key of KINDS under which the document is read. Raises InvalidDocument when there is none.

    wanted: as in parse_document.
    """
    kind = wanted or _told_kind(document)
    check_kind(document, kind)
    if kind not in KINDS:
        remedy = f"the kinds are: {', '.join(KINDS)}"
        raise InvalidDocument([Problem((), f"{WORDS[kind].called} is not supported yet", remedy)])
    return kind


def _told_kind(document: Any) -> str:
    if not isinstance(document, Mapping):
        return "job"  # `check_kind` says that it is none
    kind = kind_of(document)
    if kind is None:
        raise InvalidDocument([_untold(document)])
    if kind in NOT_YET:
        raise InvalidDocument([not_yet(document, kind)])
    return kind


def _untold(document: Mapping[str, Any]) -> Problem:
    if isinstance(document.get("type"), str):
        message = f"there is no type '{document['type']}'"
        return Problem(("type",), message, "write `type: command` for a job")
    return Problem((), "nothing tells what it is", "write `type:` or `$schema:`, as in Azure ML")
