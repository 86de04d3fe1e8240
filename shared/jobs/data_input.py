"""Data that a job is given: files and folders, which become paths on the node."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.jobs.data_paths import BlobAddress, LocalPath, PublicFile, parse_data_path
from shared.jobs.datastore import DEFAULT_DATASTORE
from shared.jobs.document import Document
from shared.jobs.problems import refusal
from shared.jobs.text import NonEmptyText, Text

DataType = Literal[
    "uri_file", "uri_folder", "mltable", "mlflow_model", "custom_model", "triton_model"
]
DATA_TYPES: Final = (
    "uri_file",
    "uri_folder",
    "mltable",
    "mlflow_model",
    "custom_model",
    "triton_model",
)
MODEL_TYPES: Final = ("mlflow_model", "custom_model", "triton_model")
#: Types of which there are only folders; a custom_model may be a file or a folder.
FOLDER_TYPES: Final = ("uri_folder", "mltable", "mlflow_model", "triton_model")
TRIGGER_PATH: Final = "${{trigger.path}}"
#: What stands for the files of a data schedule's run, and as an input's whole path for which place.
TRIGGER_BINDINGS: Final[Mapping[str, str]] = {
    "trigger.path": "azureml://datastores/workspaceblobstore/paths/${{trigger.path}}",
    "trigger.paths": "azureml://datastores/workspaceworkingdirectory/paths/${{trigger.paths}}",
    "trigger.folder": "azureml://datastores/workspaceblobstore/paths/${{trigger.folder}}/",
}
DEFAULT_DATASTORE_BINDING: Final = "${{default_datastore}}"
_MODES: Final = ("ro_mount", "rw_mount", "download", "direct", "eval_mount", "eval_download")


def _known_mode(mode: str) -> str:
    if mode in _MODES:
        return mode
    if mode == "upload":
        raise refusal("mode 'upload' is for outputs", "use `mode: download`")
    raise refusal(f"there is no mode '{mode}' for inputs", f"use one of: {', '.join(_MODES)}")


def with_default_datastore(path: str) -> str:
    """The path with the short forms written out: the default datastore, and changed files."""
    path = path.replace(DEFAULT_DATASTORE_BINDING, DEFAULT_DATASTORE)
    for what, place in TRIGGER_BINDINGS.items():
        if path.rstrip("/") == "${{" + what + "}}":
            return place
    return path


def in_short(path: str) -> str:
    """The path as a document has it, where what stands for changed files was written out."""
    short = {place: "${{" + what + "}}" for what, place in TRIGGER_BINDINGS.items()}
    return short.get(path, path)


def _data_path(path: str) -> str:
    """The path, when it is of a form that can be read here."""
    path = with_default_datastore(path)
    parse_data_path(path)
    return path


class DataInput(Document):
    """A file or folder that lies on the node before the script starts."""

    not_yet: ClassVar[Mapping[str, str]] = {
        "path_on_compute": "take the path from ${{inputs.<name>}}",
        "datastore": "write the datastore in `path`",
    }
    other_names: ClassVar[Mapping[str, tuple[str, str]]] = {
        "file": ("path", "write `path:`, and `type: uri_file` beside it"),
        "folder": ("path", "write `path:`, and `type: uri_folder` beside it"),
        **dict.fromkeys(
            ("uri", "url", "location", "data", "dataset", "path_on_datastore", "local_path"),
            ("path", "write `path:`: an address, a local path or azureml:<name>:<version>"),
        ),
    }

    type: DataType = Field(default="uri_folder", description="What it is; else a folder.")
    path: Annotated[NonEmptyText, AfterValidator(_data_path)] | None = Field(
        default=None,
        description="An address or a registered asset; in a user's file also a local path, "
        "relative to the file. Only an optional input may have none.",
    )
    mode: Annotated[str, AfterValidator(_known_mode)] = Field(
        default="ro_mount",
        description="All are a copy on the node that is there at the start, but `direct`, which "
        "hands the address over as text.",
    )
    optional: bool = Field(default=False, description="Whether the job runs without it.")
    description: Text | None = Field(default=None, description="For people.")

    @property
    def local(self) -> bool:
        """Whether the path is one on the user's own disk, which must be uploaded first."""
        return self.path is not None and isinstance(parse_data_path(self.path), LocalPath)

    @model_validator(mode="after")
    def _fits(self) -> "DataInput":
        if self.path is None and not self.optional:
            raise ValidationError.from_exception_data("input", [_no_path()])
        if self.mode.startswith("eval_") and self.type != "mltable":
            raise refusal(f"mode '{self.mode}' is for tables", "write `type: mltable`, or download")
        if self.path is not None:
            check_fits(self.type, self.path)
        return self


def check_fits(kind: str, path: str) -> None:
    """Raise a refusal when there can't be something of this type at this address."""
    place = parse_data_path(path)
    if isinstance(place, PublicFile) and kind in FOLDER_TYPES:
        raise refusal(
            f"a folder ({kind}) can't be listed at a web address",
            "write `type: uri_file` for one file, or an address in Blob Storage",
        )
    if isinstance(place, BlobAddress) and kind == "uri_file" and not place.path:
        raise refusal("names a container, not a file", "write the file's path after it")


def _no_path() -> InitErrorDetails:
    kind = PydanticCustomError("missing", "Field required")
    return InitErrorDetails(type=kind, loc=("path",), input=None)


def is_data(value: Mapping[str, Any]) -> bool:
    """Whether the mapping is data: by its type, or, having none, by its path, under whatever
    name."""
    kind = value.get("type")
    if kind is not None:
        return kind in DATA_TYPES
    return "path" in value or any(DataInput.meant(name) == "path" for name in value)
