"""The ground of every model here: frozen, strict about types, and clear about strange fields.

A field that Azure ML knows and Retrain does not yet support is told apart from a misspelt one, and
both are reported together with whatever else is wrong with the mapping.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, ClassVar, Final, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.jobs.problems import refusal

#: Unknown fields that are told one by one: what each may have meant costs time to find.
MOST_TOLD: Final = 20


class Document(BaseModel):
    """A mapping of the job language. `not_yet` maps a known, unsupported field to its remedy;
    `other_names` what people write for a field to that field and what to write."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    not_yet: ClassVar[Mapping[str, str]] = {}
    other_names: ClassVar[Mapping[str, tuple[str, str]]] = {}

    @classmethod
    @cache
    def field_names(cls) -> tuple[str, ...]:
        """The names a document may use, as written in YAML (`$schema`, not `schema_`)."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())

    @model_validator(mode="wrap")
    @classmethod
    def _explain_strange_fields(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(value, Mapping):
            return handler(value)
        known = cls.field_names()
        strange = [key for key in value if key not in known]
        if not strange:
            return handler(dict(value))
        problems = [
            InitErrorDetails(type=cls._strange(key), loc=(str(key),), input=value[key])
            for key in strange[:MOST_TOLD]
        ]
        if len(strange) > MOST_TOLD:
            more = refusal(f"{len(strange) - MOST_TOLD:,} more unknown fields", "remove them")
            problems.append(InitErrorDetails(type=more, loc=(), input=...))
        meant = {cls.meant(key) for key in strange[:MOST_TOLD]}
        try:
            handler({key: item for key, item in value.items() if key in known})
        except ValidationError as error:
            problems += [
                again(detail)
                for detail in error.errors(include_url=False)
                if detail["type"] != "missing" or detail["loc"][0] not in meant
            ]
        raise ValidationError.from_exception_data(cls.__name__, problems)

    @classmethod
    def _strange(cls, key: object) -> PydanticCustomError:
        if not isinstance(key, str):
            return refusal("a field's name must be text", f"put it in quotes: '{key}'")
        if key in cls.not_yet:
            return refusal("not supported yet", cls.not_yet[key])
        if key in cls.other_names:
            return refusal("unknown field", cls.other_names[key][1])
        near = cls.meant(key)
        if near:
            return refusal("unknown field", f"did you mean '{near}'?")
        return refusal("unknown field", f"the fields here are: {', '.join(cls.field_names())}")

    @classmethod
    def meant(cls, key: object) -> str | None:
        """The field that another name for it, or a misspelt one, may mean."""
        if key in cls.other_names:
            return cls.other_names[str(key)][0]
        return next(iter(get_close_matches(str(key), cls.field_names(), n=1)), None)


def again(detail: Any) -> InitErrorDetails:
    """An error of pydantic's own as one that can be raised again beside ours."""
    kind = PydanticCustomError(detail["type"], detail["msg"], detail.get("ctx"))
    return InitErrorDetails(type=kind, loc=detail["loc"], input=detail["input"])
