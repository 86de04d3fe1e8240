"""What a job declares to leave behind. `./outputs` and `./logs` are kept without being declared."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from shared.jobs.data_input import MODEL_TYPES, DataType, with_default_datastore
from shared.jobs.data_paths import BlobAddress, parse_data_path
from shared.jobs.datastore import DatastorePath
from shared.jobs.document import Document
from shared.jobs.problems import refusal
from shared.jobs.references import AssetName, AssetVersion
from shared.jobs.text import NonEmptyText, Text

_MODES: Final = ("rw_mount", "upload", "direct")


def _known_mode(mode: str) -> str:
    if mode in _MODES:
        return mode
    if mode == "mount":
        raise refusal("there is no output mode 'mount'", "write `mode: rw_mount`")
    raise refusal(f"there is no output mode '{mode}'", f"use one of: {', '.join(_MODES)}")


def _writable(path: str) -> str:
    path = with_default_datastore(path)
    if not isinstance(parse_data_path(path), DatastorePath | BlobAddress):
        raise refusal(
            f"outputs can't be written to '{path[:200]}'",
            "write azureml://datastores/<store>/paths/<path>, or leave it out: what a run leaves "
            "is kept under the run",
        )
    return path


class PromoteIf(Document):
    """When a registered model takes the label `champion` from the one that has it."""

    metric: NonEmptyText = Field(description="Logged by the script; its last value counts.")
    goal: Literal["maximize", "minimize"] = Field(description="Which way is better.")
    min_gain: Annotated[float, Field(ge=0, allow_inf_nan=False, strict=False)] = Field(
        default=0.0, description="By how much it has to be better, at least; 0 is by anything."
    )


class Output(Document):
    """A path in the command, `${{outputs.<name>}}`; what the script puts there is kept."""

    not_yet: ClassVar[Mapping[str, str]] = {
        "path_on_compute": "take the path from ${{outputs.<name>}}",
    }

    type: DataType = Field(
        default="uri_folder",
        description="uri_file is a file; all others are folders, which exist before the start.",
    )
    mode: Annotated[str, AfterValidator(_known_mode)] = Field(
        default="rw_mount",
        description="rw_mount and upload: uploaded when the script has ended. direct: the script "
        "gets the address of `path` as text, and writes there itself.",
    )
    path: Annotated[NonEmptyText, AfterValidator(_writable)] | None = Field(
        default=None,
        description="Where to, in a datastore; ${{name}} is the run's name. Else under the run.",
    )
    name: AssetName | None = Field(
        default=None, description="Registered under this name when the run completes."
    )
    version: AssetVersion | None = Field(
        default=None, description="Of what is registered; else the next whole number."
    )
    description: Text | None = Field(default=None, description="For people.")
    promote_if: PromoteIf | None = Field(
        default=None, description="Retrain's own: when the model becomes the champion of its name."
    )

    @property
    def folder(self) -> bool:
        return self.type != "uri_file"

    @model_validator(mode="after")
    def _fits(self) -> "Output":
        if self.version is not None and self.name is None:
            raise refusal("`version` without `name` registers nothing", "add `name:`")
        if self.promote_if and (self.name is None or self.type not in MODEL_TYPES):
            raise refusal(
                "`promote_if` is for models that are registered",
                f"add `name:`, and one of these as `type:` {', '.join(MODEL_TYPES)}",
            )
        if self.mode == "direct" and self.path is None:
            raise refusal("mode 'direct' needs a `path`", "write where the script should write to")
        if not self.folder and self.path is not None and self.path.endswith("/"):
            raise refusal("a uri_file is one file, and `path` is a folder", "name the file")
        return self


def _empty_is_folder(value: Any) -> Any:
    return {} if value is None else value


OptionalOutput = Annotated[
    Output, BeforeValidator(_empty_is_folder, json_schema_input_type=Output | None)
]
