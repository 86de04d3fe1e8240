"""The command component: a command that jobs use by naming its file, with declared inputs.

`shared.jobs.expansion` makes the job of it once the inputs have values.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from shared.jobs.command import Command
from shared.jobs.document import Document
from shared.jobs.inputs import LITERAL_TYPES, DataInput, LiteralInput, check_value, typed
from shared.jobs.outputs import OptionalOutput
from shared.jobs.problems import refusal
from shared.jobs.text import ScalarText, Text, VariableName, few_or_none

#: Any path: the inputs of a component are checked as a job's, and have none of their own.
_ANY_PATH: Final = "azureml://datastores/workspaceblobstore/paths/any"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,254}")


class Parameter(LiteralInput):
    """A literal that a job gives, within limits. Without a `default` it must give one."""

    @model_validator(mode="after")
    def _fits(self) -> "Parameter":
        check_value(self)
        return self


class Dataset(Document):
    """A file or folder that a job gives: its type and mode, and no path."""

    type: Text = Field(default="uri_folder", description="A data type, as of a job's input.")
    mode: Text | None = Field(default=None, description="As of a job's input, where none is given.")
    optional: bool = Field(default=False, description="Whether a job may leave it out.")
    description: Text | None = Field(default=None, description="For people.")

    @model_validator(mode="after")
    def _as_in_a_job(self) -> "Dataset":
        DataInput.model_validate({**self.given(), "path": _ANY_PATH})
        return self

    def given(self) -> dict[str, Any]:
        """The fields that were written, as plain data."""
        return self.model_dump(mode="json", exclude_unset=True, exclude_none=True)


def _read_input(value: Any) -> Parameter | Dataset:
    match value:
        case Parameter() | Dataset():
            return value
        case Mapping() if value.get("type") in LITERAL_TYPES:
            return Parameter.model_validate(typed(value))
        case Mapping() if "path" in value:
            raise refusal(
                "a component's input has no path", "give it in the job: `inputs: {<name>: …}`"
            )
        case Mapping() if "type" in value:
            return Dataset.model_validate(value)
        case _:
            raise refusal("has no `type`", f"write {{type: …}}: a data type or {_LITERALS}")


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise refusal(
            f"'{name[:80]}' can't be a component's name",
            "use up to 255 letters, digits, _, - and ., beginning with a letter",
        )
    return name


_LITERALS = ", ".join(LITERAL_TYPES)
ComponentInput = Annotated[
    Parameter | Dataset, BeforeValidator(_read_input, json_schema_input_type=Parameter | Dataset)
]


class CommandComponent(Command):
    """A component of type `command`, as in Azure ML's CLI v2."""

    name: Annotated[Text, AfterValidator(_name)] | None = Field(
        default=None, description="Letters, digits, _, - and .; the run's display name without one."
    )
    version: ScalarText | None = Field(
        default=None, description="For people; with the name in the run's properties."
    )
    inputs: Annotated[dict[VariableName, ComponentInput], BeforeValidator(few_or_none)] = Field(
        default={}, description="What a job gives: literals with limits, and data."
    )
    outputs: Annotated[dict[VariableName, OptionalOutput], BeforeValidator(few_or_none)] = Field(
        default={}, description="Declared outputs by name; null is a folder."
    )
    is_deterministic: bool = Field(
        default=True, description="Accepted; a run is never replaced by an earlier one's result."
    )


def sample_values(component: CommandComponent) -> dict[str, Any]:
    """A value that suits, for each input that a job would have to give one."""
    return {
        name: _ANY_PATH if isinstance(item, Dataset) else _sample(item)
        for name, item in component.inputs.items()
        if not item.optional and (isinstance(item, Dataset) or item.default is None)
    }


def _sample(item: Parameter) -> bool | int | float | str:
    if item.enum:
        return item.enum[0]
    if item.type in ("integer", "number"):
        bound = item.min if item.min is not None else item.max
        return 0 if bound is None else bound
    return True if item.type == "boolean" else "x"
