"""Pydantic's way of checking a mapping, with what it finds told in the words of this project."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from shared.jobs.document import Document
from shared.jobs.problems import Field, InvalidDocument, Problem
from shared.jobs.wording import problem

AnyDocument = TypeVar("AnyDocument", bound=Document)


def validated(model: type[AnyDocument], document: Mapping[str, Any], at: Field = ()) -> AnyDocument:
    """The document as this model. Raises InvalidDocument with every problem of its fields.

    at: where the mapping stands in the document that the problems are told of.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=True)
        raise InvalidDocument(below(at, map(problem, details))) from None


def below(at: Field, problems: Iterable[Problem]) -> Iterable[Problem]:
    """The problems of a part of a document as problems of the document."""
    return (Problem((*at, *one.field), one.message, one.remedy) for one in problems)


def raise_any(problems: Iterable[Problem]) -> None:
    """Raise InvalidDocument when there is a problem."""
    found = tuple(problems)
    if found:
        raise InvalidDocument(found)
