"""Data and models as people register them: a name, a version, and where it is."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from shared.jobs.data_input import check_fits, with_default_datastore
from shared.jobs.data_paths import LocalPath, parse_data_path
from shared.jobs.document import Document
from shared.jobs.problems import refusal
from shared.jobs.references import AssetName, AssetReference, AssetVersion
from shared.jobs.text import NonEmptyText, Tags, Text


def _asset_path(path: str) -> str:
    path = with_default_datastore(path)
    if isinstance(parse_data_path(path), AssetReference):
        raise refusal("is registered already", "write where the data is")
    if "${{" in path:
        raise refusal("nothing is filled in here", "write the path itself")
    return path


class _Registered(Document):
    """What data and models have in common. A version, once registered, never changes."""

    not_yet: ClassVar[Mapping[str, str]] = {
        "datastore": "write the datastore in `path`",
        "stage": "use a label or `tags`",
        "auto_delete_setting": "leave it out",
    }

    schema_: str | None = Field(
        default=None, alias="$schema", description="Ignored, as for editors only."
    )
    name: AssetName = Field(description="1 to 255 letters, digits, -, _ and dots.")
    version: AssetVersion | None = Field(
        default=None, description="1 to 64 such characters; else the next whole number."
    )
    description: Text | None = Field(default=None, description="For people.")
    tags: Tags = Field(default={}, description="For people.")
    properties: Tags = Field(default={}, description="For programs.")
    path: Annotated[NonEmptyText, AfterValidator(_asset_path)] = Field(
        description="An address; in a user's file also a local path, relative to the file."
    )

    @property
    def local(self) -> bool:
        """Whether the path is one on the user's own disk, which must be uploaded first."""
        return isinstance(parse_data_path(self.path), LocalPath)


class DataAsset(_Registered):
    """A file, a folder, or a table."""

    type: Literal["uri_file", "uri_folder", "mltable"] = Field(
        default="uri_folder", description="What it is; else a folder."
    )

    @model_validator(mode="after")
    def _fits(self) -> "DataAsset":
        check_fits(self.type, self.path)
        return self


def _without_flavors(value: Any) -> Any:
    if value not in (None, {}):
        raise refusal("are read from the MLmodel file", "leave it out")
    return None


class ModelAsset(_Registered):
    """A trained model."""

    type: Literal["custom_model", "mlflow_model", "triton_model"] = Field(
        default="custom_model", description="What it is; custom_model is any file or folder."
    )
    flavors: Annotated[None, BeforeValidator(_without_flavors)] = Field(
        default=None, description="Not written: the MLmodel file says them."
    )

    @model_validator(mode="after")
    def _fits(self) -> "ModelAsset":
        check_fits(self.type, self.path)
        return self
