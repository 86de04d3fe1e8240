"""Where the command runs: an image, an image with conda packages added to it, or a build context.

`Environment.key` names the built image, so equal environments are built once. An environment that
is registered (`azureml:mine:3`) is a reference until a run is made: then the registry's own
document takes its place on the record. Azure ML's curated ones are public images by other names.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.jobs.conda import check_conda
from shared.jobs.datastore import is_datastore_uri, parse_datastore_path
from shared.jobs.document import Document, again
from shared.jobs.images.names import (
    checked_dockerfile,
    checked_image,
    curated_image,
    curated_name,
    is_curated,
)
from shared.jobs.images.recipe import Recipe
from shared.jobs.problems import refusal
from shared.jobs.text import NonEmptyText, ScalarText, Tags, Text, VariableName

_INLINE = "write `environment: {image: <image>}`, with `conda_file:` for more packages"
_REFERENCE = re.compile(r"azureml:[^/:@]+(?:[:@][^/:@]+)?")
#: The blob of a build context, named by the SHA-256 of its tar file before it was compressed.
_CONTEXT = re.compile(r"contexts/([0-9a-f]{64})\.tar\.gz")


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


def _context(path: str) -> str:
    if is_datastore_uri(path):
        place = parse_datastore_path(path)
        if place.container != "snapshots" or not _CONTEXT.fullmatch(place.path):
            raise refusal(
                f"'{path}' is not a build context", "name a folder, and send it with `retrain`"
            )
        return path
    if "://" in path or path.startswith("git@"):
        raise refusal(
            f"a build context from elsewhere is not supported yet ('{path[:200]}')",
            "get it onto this machine and name its folder",
        )
    return path


class Build(Document):
    """A Docker build: a folder with a Dockerfile in it."""

    path: Annotated[NonEmptyText, AfterValidator(_context)] = Field(
        description="The folder; sent without what its .dockerignore leaves out."
    )
    dockerfile_path: Annotated[NonEmptyText, AfterValidator(checked_dockerfile)] = Field(
        default="Dockerfile", description="The Dockerfile, relative to the folder."
    )
    args: dict[VariableName, ScalarText] = Field(
        default={}, description="Values of the Dockerfile's ARG lines; not for secrets."
    )

    @property
    def digest(self) -> str | None:
        """SHA-256 of what was uploaded; None while `path` is on its author's disk."""
        if not is_datastore_uri(self.path):
            return None
        match = _CONTEXT.fullmatch(parse_datastore_path(self.path).path)
        return match[1] if match else None


class Environment(Document):
    """An image, what is added to it, or how it is built. `reference` stands alone when it is set:
    it is something registered, which `azureml:<name>:<version>` as plain text means."""

    not_yet: ClassVar[Mapping[str, str]] = {
        "inference_config": "leave it out: it is for serving models, and jobs do not use it",
        "datastore": "leave it out",
        "dockerfile": "write `build: {path: <folder>}` with a Dockerfile in the folder",
        "docker": "write `image:`, or `build: {path: <folder>}`",
        "python": "write the packages into a `conda_file:`",
        "properties": "use `tags`",
    }

    schema_: str | None = Field(
        default=None, alias="$schema", description="Ignored, as for editors only."
    )
    image: Annotated[Text, AfterValidator(checked_image)] | None = Field(
        default=None,
        description="Container image; an environment with a conda file is built from it.",
    )
    conda_file: Annotated[dict[str, Any] | str, BeforeValidator(_conda)] | None = Field(
        default=None, description="The conda file's content; in a user's file also its path."
    )
    build: Build | None = Field(default=None, description="Instead of `image`: a Docker build.")
    name: NonEmptyText | None = Field(
        default=None, description="The registered one's name; the key does not depend on it."
    )
    version: ScalarText | None = Field(default=None, description="The registered one's version.")
    description: Text | None = Field(default=None, description="For people.")
    tags: Tags = Field(default={}, description="For people.")
    os_type: Literal["linux", "Linux"] | None = Field(
        default=None, description="Linux; others are not supported."
    )
    reference: SkipJsonSchema[str | None] = Field(
        default=None, exclude=True, description="Kept by Retrain; written as plain text."
    )

    @classmethod
    @cache
    def field_names(cls) -> tuple[str, ...]:
        return tuple(name for name in super().field_names() if name != "reference")

    @classmethod
    def named(cls, reference: str) -> "Environment":
        """One that is registered, by its name: `azureml:mine:3`, `azureml:mine@latest`."""
        return cls.model_construct(reference=reference)

    @model_validator(mode="wrap")
    @classmethod
    def _is_one_of(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """What is wrong with the fields together is told beside what is wrong with each."""
        faults = list(cls._combined(value)) if isinstance(value, Mapping) else []
        if not faults:
            return handler(value)
        try:
            handler(value)
        except ValidationError as error:
            faults += [again(detail) for detail in error.errors(include_url=False)]
        raise ValidationError.from_exception_data(cls.__name__, faults)

    @classmethod
    def _combined(cls, written: Mapping[Any, Any]) -> Iterator[InitErrorDetails]:
        image, build = written.get("image"), written.get("build")
        if build is not None and image is not None:
            yield _fault("image", refusal("`build` makes the image", "leave out one of the two"))
        if build is not None and written.get("conda_file") is not None:
            message = "a conda file is added to an `image`, not to a build"
            yield _fault("conda_file", refusal(message, "install it in the Dockerfile instead"))
        misspelt = {cls.meant(key) for key in written if key not in cls.field_names()}
        if image is None and build is None and not misspelt & {"image", "build"}:
            yield _fault("image", PydanticCustomError("missing", "Field required"))

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> Any:
        return handler(self) if self.reference is None else self.reference

    @property
    def base(self) -> str:
        """The image it starts from; "" when a Dockerfile says that, or it is a reference."""
        return self.image or ""

    @property
    def called(self) -> str:
        """How to call it in a sentence."""
        if self.reference is not None:
            return self.reference
        if self.name:
            return f"{self.name}:{self.version}" if self.version else self.name
        return self.image or "a Docker build"

    @property
    def short(self) -> str:
        """The key's beginning, for people; of a reference that was never looked up itself."""
        return self.reference or self.key[:12]

    @property
    def needs_build(self) -> bool:
        """Whether an image has to be found or made; if not, `image` is used as it is. A curated
        one is found at once where images are run, and made of packages where they are not."""
        conda, build = self.conda_file is not None, self.build is not None
        return bool(self.reference) or conda or build or curated_name(self.base) is not None

    @property
    def recipe(self) -> Recipe:
        """What is built. Raises ValueError while a part of it lies on its author's disk, or it is
        a reference."""
        if self.reference is not None:
            raise ValueError(f"{self.reference} has not been looked up")
        if self.build is not None:
            if self.build.digest is None:
                raise ValueError(f"the build context '{self.build.path}' has not been uploaded")
            return Recipe.of_context(self.build.digest, self.build.dockerfile_path, self.build.args)
        if isinstance(self.conda_file, str):
            raise ValueError(f"the conda file '{self.conda_file}' has not been read")
        return Recipe.of_conda(self.base, self.conda_file)

    @property
    def key(self) -> str:
        """64 hex digits of a SHA-256, equal for environments that install the same. Raises
        ValueError as `recipe` does."""
        return self.recipe.key


def _fault(field: str, error: PydanticCustomError) -> InitErrorDetails:
    return InitErrorDetails(type=error, loc=(field,), input=...)


def _from_text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if is_curated(value):
        return {"image": curated_image(value)}
    if _REFERENCE.fullmatch(value):
        return Environment.named(value)
    if value.startswith("file:"):
        raise refusal(
            f"'{value}' names a file, which only `retrain job create -f` can read", _INLINE
        )
    raise refusal(f"'{value}' is not an environment", _INLINE)


EnvironmentField = Annotated[
    Environment, BeforeValidator(_from_text, json_schema_input_type=str | Environment)
]
