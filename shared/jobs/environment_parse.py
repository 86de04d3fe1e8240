"""Environments as documents of their own: in, out, and what of them still has to be uploaded."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field as ModelField

from shared.jobs.document import Document
from shared.jobs.environment import Environment, EnvironmentField
from shared.jobs.kinds import check_kind
from shared.jobs.problems import Field, Problem
from shared.jobs.validation import raise_any, validated


class _Written(Document):
    """Where a name may stand for an environment, as in a job."""

    environment: EnvironmentField = ModelField(description="A document, or its name.")


def parse_environment(document: Mapping[str, Any] | str) -> Environment:
    """The environment that a document stands for, or a name such as `azureml:mine@latest`.

    Raises InvalidDocument with every problem found.
    """
    if isinstance(document, str):
        return validated(_Written, {"environment": document}).environment
    check_kind(document, "environment")
    return validated(Environment, document)


def dump_environment(environment: Environment) -> dict[str, Any]:
    """What it is made of and what people said about it, as plain JSON data."""
    plain: dict[str, Any] = environment.model_dump(mode="json", by_alias=True, exclude_none=True)
    plain.pop("$schema", None)
    return plain


def check_sent(environment: Environment) -> None:
    """Raise InvalidDocument when a part of it lies on its author's own disk."""
    raise_any(unresolved(environment, (), "send it with `retrain environment create -f`"))


def unresolved(environment: Environment, field: Field, remedy: str) -> Iterable[Problem]:
    """Its parts on its author's own disk. field: where in a document it stands."""
    if isinstance(environment.conda_file, str):
        yield Problem((*field, "conda_file"), "is a local path", remedy)
    if environment.build is not None and environment.build.digest is None:
        yield Problem((*field, "build", "path"), "is a local path", remedy)
