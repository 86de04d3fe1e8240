"""What to build, in the one form that keys are made from.

Two documents that ask for the same are one recipe, whatever their order, spaces, comments or names:
a base image with conda packages on top, a Docker build context by its content, or one of Azure ML's
curated images as it is.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from shared.jobs.conda import check_conda, normalised
from shared.jobs.images.names import checked_dockerfile, checked_image, curated_name

_DIGEST = re.compile(r"[0-9a-f]{64}")
_ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_FORMS = (
    'The body must be {"image": "<name>", "conda": {<conda file>}}, {"image": "<curated image>"} '
    'or {"context": "<SHA-256>", "dockerfile": "<path>", "args": {}}.'
)


class RecipeRefused(ValueError):
    """The body is no recipe; the message says which field, and what to write."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """image: the base, "" when a context says it all.  dependencies: conda's own packages.
    pip: the lines of the conda file's pip list.  context: SHA-256 of a build context's tar file,
    unpacked; dockerfile: its path in there; args: build arguments by name, sorted.
    """

    image: str
    channels: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    context: str = ""
    dockerfile: str = ""
    args: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_conda(cls, image: str, conda: Mapping[str, Any] | None) -> Self:
        """conda: a file's content that `check_conda` accepts; None for the image as it is."""
        if conda is None:
            return cls(image)
        normal = {name: tuple(items) for name, items in normalised(conda).items()}
        return cls(image, normal["channels"], normal["dependencies"], normal["pip"])

    @classmethod
    def of_context(cls, digest: str, dockerfile: str, args: Mapping[str, str]) -> Self:
        return cls("", context=digest, dockerfile=dockerfile, args=tuple(sorted(args.items())))

    @classmethod
    def parse(cls, body: Any) -> Self:
        """What `asking` gave, checked anew. Raises RecipeRefused."""
        if not isinstance(body, Mapping):
            raise RecipeRefused(_FORMS)
        try:
            match sorted(body):
                case ["conda", "image"]:
                    return cls._with_conda(body["image"], body["conda"])
                case ["image"] if curated_name(_text("image", body["image"])):
                    return cls(checked_image(body["image"]))
                case ["args", "context", "dockerfile"]:
                    return cls._with_context(body["context"], body["dockerfile"], body["args"])
                case _:
                    raise RecipeRefused(_FORMS)
        except PydanticCustomError as error:
            raise RecipeRefused(f"{error.message()}") from error

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> Self:
        """What `dump` gave, after a way through JSON; also of records from before contexts."""
        lists = {name: tuple(stored[name]) for name in ("channels", "dependencies", "pip")}
        args = tuple((name, value) for name, value in stored.get("args", ()))
        context, dockerfile = stored.get("context", ""), stored.get("dockerfile", "")
        return cls(stored["image"], **lists, context=context, dockerfile=dockerfile, args=args)

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    def asking(self) -> dict[str, Any]:
        """The body that asks a builder for it."""
        if self.context:
            names = {"context": self.context, "dockerfile": self.dockerfile}
            return {**names, "args": dict(self.args)}
        if not self.adds:
            return {"image": self.image}
        return {"image": self.image, "conda": self.conda_file()}

    @property
    def adds(self) -> bool:
        """Whether a conda file adds packages; else a base image is taken as it is."""
        return bool(self.dependencies or self.pip)

    @property
    def key(self) -> str:
        """64 hex digits of a SHA-256, equal for recipes that install the same."""
        if self.context:
            whole: dict[str, Any] = self.asking()
        else:
            conda = {"channels": self.channels, "dependencies": self.dependencies, "pip": self.pip}
            whole = {"image": self.image, "conda": conda if self.adds else None}
        return hashlib.sha256(canonical_json(whole).encode()).hexdigest()

    def conda_file(self) -> dict[str, Any]:
        """The conda file again, for conda itself."""
        pip = [{"pip": list(self.pip)}] if self.pip else []
        return {"channels": list(self.channels), "dependencies": [*self.dependencies, *pip]}

    @classmethod
    def _with_conda(cls, image: Any, conda: Any) -> Self:
        if not isinstance(conda, Mapping):
            raise RecipeRefused("conda: must be the conda file's content as an object.")
        try:
            checked = check_conda(conda)
        except ValidationError as error:
            raise RecipeRefused("; ".join(_lines(error))) from error
        return cls.of_conda(checked_image(_text("image", image)), checked)

    @classmethod
    def _with_context(cls, digest: Any, dockerfile: Any, args: Any) -> Self:
        if not _DIGEST.fullmatch(_text("context", digest)):
            raise RecipeRefused("context: must be 64 hexadecimal digits, in lower case.")
        if not isinstance(args, Mapping) or not all(
            isinstance(name, str) and _ARGUMENT.fullmatch(name) and isinstance(value, str)
            for name, value in args.items()
        ):
            raise RecipeRefused("args: must be texts by name, names as those of variables.")
        return cls.of_context(digest, checked_dockerfile(_text("dockerfile", dockerfile)), args)


def canonical_json(value: Any) -> str:
    """One text for one value: keys sorted, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise RecipeRefused(f"{name}: must be text.")
    return value


def _lines(error: ValidationError) -> list[str]:
    return [
        f"conda.{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_context=False)
    ]
