"""What a job is given and leaves behind, and where it runs: inputs, outputs, environments."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from retrain.sdk.strict import Strict

Scalar = str | int | float | bool
PathLike = str | Path
#: Where `Environment.from_conda_specification` installs the packages: Azure ML's own default.
DEFAULT_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"


def plain(value: Any) -> Any:
    """The value as JSON has it: paths and NumPy's numbers too, and what is None left out."""
    match value:
        case Path():
            return str(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _ if hasattr(value, "to_dict"):
            return value.to_dict()
        case _ if type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0:
            return value.item()
        case _:
            return value


def given(kind: "type[_Value]", value: Any) -> Any:
    """A mapping of a job file as the object it stands for; anything else, and a mapping with more
    or with less in it, as it is."""
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(value, Mapping) or not value or not value.keys() <= known:
        return value
    return value if None in value.values() else kind(**value)


class _Value(Strict):
    """Something that a document writes as a mapping of what was given."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as a job file has it; what was not given is not there."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]
        return {name: plain(value) for name, value in given.items() if value is not None}


@dataclass(slots=True, kw_only=True)
class Input(_Value):
    """Data, or a literal with its type.

    type: uri_file, uri_folder, mltable, mlflow_model, custom_model or triton_model for data;
    string, integer, number or boolean for literals.
    path: of data: local (relative to the working directory), https://…, azureml://datastores/…,
    azureml:name:version or azureml:name@label.
    mode: ro_mount, download, … as in job files.  default: a literal's value.
    optional: whether the job runs without it.  min, max, enum: what a literal may be.
    """

    type: str | None = None
    path: PathLike | None = None
    mode: str | None = None
    default: Scalar | None = None
    optional: bool | None = None
    min: float | None = None
    max: float | None = None
    enum: list[Scalar] | None = None
    description: str | None = None


@dataclass(slots=True, kw_only=True)
class Output(_Value):
    """A path that the script writes to, `${{outputs.<name>}}`.

    type: uri_folder (default) or uri_file, or a model's.  path: in a datastore, where it goes.
    name, version: to register it as a data asset or model of this name when the run completes.
    """

    type: str | None = None
    path: str | None = None
    mode: str | None = None
    name: str | None = None
    version: str | None = None
    description: str | None = None


@dataclass(slots=True, kw_only=True)
class BuildContext(_Value):
    """A folder with a Dockerfile that the environment's image is built from."""

    path: PathLike
    dockerfile_path: str | None = None


@dataclass(slots=True, kw_only=True)
class Environment(_Value):
    """An image, an image with the packages of a conda file, or an image built from a folder.

    conda_file: its path, or its content as a mapping.  build: excludes `image`.
    name, version: for people, or to register it.
    """

    image: str | None = None
    conda_file: PathLike | Mapping[str, Any] | None = None
    build: BuildContext | None = None
    name: str | None = None
    version: str | None = None
    description: str | None = None
    tags: Mapping[str, str] | None = None

    @classmethod
    def from_conda_specification(cls, name: str, file_path: PathLike) -> "Environment":
        """As in the SDK of 2021: the packages of a conda file, on Azure ML's base image."""
        return cls(name=name, image=DEFAULT_IMAGE, conda_file=file_path)

    @classmethod
    def from_docker_image(
        cls, name: str, image: str, conda_specification: PathLike | None = None
    ) -> "Environment":
        """As in the SDK of 2021: an image, and what a conda file adds to it."""
        return cls(name=name, image=image, conda_file=conda_specification)
