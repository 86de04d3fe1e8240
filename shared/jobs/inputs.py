"""What a job is given: literals, which become text, and data, which become paths on the node.

In a document a literal is a bare YAML scalar or `{type: integer, default: 3, …}`; data is
`{type: uri_file, path: …}`. Whatever is written without a type and with a `path` is a folder.
"""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from shared.jobs.data_input import DATA_TYPES, TRIGGER_PATH, DataInput, is_data
from shared.jobs.data_paths import is_remote
from shared.jobs.document import Document
from shared.jobs.problems import refusal
from shared.jobs.text import Text, clean, literal_text

__all__ = ["TRIGGER_PATH", "DataInput", "Input", "LiteralInput", "is_remote", "literal_type"]

LITERAL_TYPES = ("string", "integer", "number", "boolean")

_WHOLE = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")

Scalar = bool | int | float | str


def _scalar(value: Any) -> Any:
    if not isinstance(value, bool | int | float | str):
        raise refusal("must be a text, number or boolean", "put it in quotes to pass it as text")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refusal("must be a number", "write it without quotes")
    if not math.isfinite(value):
        raise refusal("is not a finite number", "leave it out for no limit")
    return value


def _choice(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise refusal("is not a finite number", "put it in quotes to pass it as text")
    return _scalar(value)


LiteralValue = Annotated[Scalar, BeforeValidator(_scalar, json_schema_input_type=Scalar)]
Choice = Annotated[Scalar, BeforeValidator(_choice, json_schema_input_type=Scalar)]
Number = Annotated[int | float, BeforeValidator(_number, json_schema_input_type=int | float)]


class LiteralInput(Document):
    """A value written in the job. Without a `default` it must be optional: it is not given."""

    other_names: ClassVar[Mapping[str, tuple[str, str]]] = {
        "value": ("default", "write `default:`"),
    }

    type: Literal["string", "integer", "number", "boolean"] = Field(
        description="Kind of the value; `number` takes integers too."
    )
    default: LiteralValue | None = Field(
        default=None, description="The value; text has 32 KiB at most, numbers are finite."
    )
    optional: bool = Field(default=False, description="Whether the job runs without a value.")
    description: Text | None = Field(default=None, description="For people.")
    min: Number | None = Field(default=None, description="Smallest number allowed, inclusive.")
    max: Number | None = Field(default=None, description="Largest number allowed, inclusive.")
    enum: list[Choice] | None = Field(default=None, description="The only values allowed.")

    @property
    def text(self) -> str | None:
        """The value as the script sees it; None when it is not given."""
        return None if self.default is None else literal_text(self.default)

    @model_validator(mode="after")
    def _fits(self) -> "LiteralInput":
        if self.default is None and not self.optional:
            raise refusal("has no value", "give `default:`, or say `optional: true`")
        check_value(self)
        return self

    @property
    def bare(self) -> bool:
        """Whether the bare scalar says it all, so that the document needs no mapping."""
        told = self.model_dump(exclude_defaults=True).keys()
        return told == {"type", "default"} and self.type == literal_type(self.default)


def literal_type(value: Scalar | None) -> str:
    """The type a bare scalar has."""
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case _:
            return "string"


def typed(literal: Mapping[str, Any]) -> Mapping[str, Any]:
    """The mapping of a literal with its `default` of its `type`, where text or a whole number with
    a fraction of zero says one: "3" is an integer, "true" a boolean. Else as it is."""
    value = _converted(literal.get("type"), literal.get("default"))
    return literal if value is None else {**literal, "default": value}


def _converted(kind: Any, value: Any) -> Scalar | None:
    match kind, value:
        case "integer", str() if _WHOLE.fullmatch(value):
            return int(value)
        case "integer", float() if value.is_integer():
            return int(value)
        case "number", str() if _NUMBER.fullmatch(value):
            return float(value)
        case "boolean", str() if value.lower() in ("true", "false"):
            return value.lower() == "true"
        case _:
            return None


def check_value(literal: LiteralInput) -> None:
    """Raise a refusal when there is a value and it is not of the type, or not allowed."""
    if literal.default is not None:
        _check_type(literal.type, literal.default)
        _check_range(literal)


def _check_type(wanted: str, value: Scalar) -> None:
    found = literal_type(value)
    if found != wanted and (wanted, found) != ("number", "integer"):
        quote = "put it in quotes, or " if wanted == "string" else ""
        remedy = f"{quote}write `type: {found}`"
        raise refusal(f"the value is of type {found}, not {wanted}", remedy)
    if isinstance(value, str):
        clean(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise refusal("is not a finite number", "put it in quotes to pass it as text")


def _check_range(literal: LiteralInput) -> None:
    value = literal.default
    if isinstance(value, int | float) and not isinstance(value, bool):
        if literal.min is not None and value < literal.min:
            raise refusal(f"{value} is below min, {literal.min}", "use a larger value")
        if literal.max is not None and value > literal.max:
            raise refusal(f"{value} is above max, {literal.max}", "use a smaller value")
    if literal.enum is not None and value not in literal.enum:
        raise refusal(f"{value!r} is not in enum", f"use one of: {literal.enum}")


def _read_input(value: Any) -> LiteralInput | DataInput:
    match value:
        case LiteralInput() | DataInput():
            return value
        case bool() | int() | float() | str():
            return LiteralInput.model_validate({"type": literal_type(value), "default": value})
        case Mapping():
            return _read_mapping(value)
        case None:
            raise refusal("has no value", "write a value, or {type: …, path: …} for data")
        case _:
            raise refusal(
                "an input is a text, number, boolean or a mapping", "write {type: …, path: …}"
            )


def _read_mapping(value: Mapping[str, Any]) -> LiteralInput | DataInput:
    kind = value.get("type")
    if kind in LITERAL_TYPES:
        return LiteralInput.model_validate(typed(value))
    if is_data(value):
        return DataInput.model_validate(value)
    choices = f"use one of: {', '.join(DATA_TYPES + LITERAL_TYPES)}"
    if kind is None and ("value" in value or "default" in value):
        raise refusal("has no `type`", f"write the value alone, or {choices}")
    if kind is None:
        raise refusal("has neither `type` nor `path`", choices)
    raise refusal(f"there is no input type '{kind}'", choices)


Input = Annotated[
    LiteralInput | DataInput,
    BeforeValidator(_read_input, json_schema_input_type=LiteralInput | DataInput | Scalar),
]
