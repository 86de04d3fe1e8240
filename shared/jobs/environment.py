"""Where the command runs: a container image, or an image with conda packages added to it.

`Environment.key` names the built image, so equal environments are built once. Azure ML's registered
and curated environments are not resolved yet; the error names the image to write instead.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field

from shared.jobs.conda import canonical_json, check_conda, normalised
from shared.jobs.document import Document
from shared.jobs.problems import refusal
from shared.jobs.text import NonEmptyText, ScalarText, Text

# The grammar of github.com/distribution/reference: host, path, tag, digest.
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::\d+)?/)?{_PART}(?:/{_PART})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
_CURATED = re.compile(
    r"azureml://registries/azureml/environments/(?P<long>[^/]+)(?:/.*)?"
    r"|azureml:AzureML-(?P<short>[^:@/]+)(?:[:@].*)?"
)
_INLINE = "write `environment: {image: <image>}`, with `conda_file:` for more packages"


def _image(name: str) -> str:
    if len(name) > 512 or not _IMAGE.fullmatch(name):
        raise refusal(
            f"'{name[:80]}' is not an image's name", "write it like docker.io/library/python:3.11"
        )
    return name


def _conda(value: Any) -> Any:
    match value:
        case str() if value.strip():
            return value
        case Mapping():
            return check_conda(value)
        case _:
            raise refusal(
                "must be a file's path or the file's content", "write `conda_file: conda.yml`"
            )


class Environment(Document):
    """An image, and optionally a conda file that says what is installed on top of it."""

    not_yet: ClassVar[Mapping[str, str]] = {
        "build": "build and push the image yourself, then name it in `image:`",
        "inference_config": "leave it out: it is for serving models, and jobs do not use it",
        "datastore": "leave it out",
        "dockerfile": "build and push the image yourself, then name it in `image:`",
    }

    schema_: str | None = Field(
        default=None, alias="$schema", description="Ignored, as for editors only."
    )
    image: Annotated[Text, AfterValidator(_image)] = Field(
        description="Container image; an environment with a conda file is built from it."
    )
    conda_file: Annotated[dict[str, Any] | str, BeforeValidator(_conda)] | None = Field(
        default=None, description="The conda file's content; in a user's file also its path."
    )
    name: NonEmptyText | None = Field(
        default=None, description="For people; the key does not depend on it."
    )
    version: ScalarText | None = Field(default=None, description="For people, as `name`.")
    description: Text | None = Field(default=None, description="For people.")
    tags: dict[str, ScalarText] = Field(default={}, description="For people.")

    @property
    def needs_build(self) -> bool:
        """Whether an image has to be made; if not, `image` is used as it is."""
        return self.conda_file is not None

    @property
    def key(self) -> str:
        """64 hex digits of a SHA-256, equal for environments that install the same. Raises
        ValueError while the conda file is only a path."""
        if isinstance(self.conda_file, str):
            raise ValueError(f"the conda file '{self.conda_file}' has not been read")
        conda = None if self.conda_file is None else normalised(self.conda_file)
        text = canonical_json({"image": self.image, "conda": conda})
        return hashlib.sha256(text.encode()).hexdigest()


def _from_text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    curated = _CURATED.fullmatch(value)
    if curated:
        name = (curated["long"] or curated["short"]).lower()
        image = f"mcr.microsoft.com/azureml/curated/{name}:latest"
        raise refusal(
            f"Azure ML's curated environments are not supported yet ('{value}')",
            f"write `environment: {{image: {image}}}`",
        )
    if value.startswith("azureml:"):
        raise refusal(f"registered environments are not supported yet ('{value}')", _INLINE)
    if value.startswith("file:"):
        raise refusal(
            f"'{value}' names a file, which only `retrain job create -f` can read", _INLINE
        )
    raise refusal(f"'{value}' is not an environment", _INLINE)


EnvironmentField = Annotated[Environment, BeforeValidator(_from_text)]
