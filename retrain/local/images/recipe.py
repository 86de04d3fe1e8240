"""What to build: an image's name and what its conda file adds, in the job language's normal form.

Two conda files that ask for the same packages are one recipe, whatever their order or `name`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from pydantic import ValidationError

from shared.jobs.conda import check_conda, normalised


class RecipeRefused(ValueError):
    """The body is no recipe; the message says which field, and what to write."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """`dependencies` are conda's own packages, `pip` the lines of the conda file's pip list."""

    image: str
    channels: tuple[str, ...]
    dependencies: tuple[str, ...]
    pip: tuple[str, ...]

    @classmethod
    def parse(cls, body: Any) -> Self:
        """Raises RecipeRefused."""
        if not isinstance(body, Mapping) or set(body) != {"image", "conda"}:
            raise RecipeRefused('The body must be {"image": "<name>", "conda": {<conda file>}}.')
        image, conda = body["image"], body["conda"]
        # A name that begins with a dash would be an option to the engine, and a line break
        # another instruction in the Dockerfile.
        if (
            not isinstance(image, str)
            or not image
            or image.startswith("-")
            or image.split() != [image]
        ):
            raise RecipeRefused("image: must be an image's name, like python:3.11-slim.")
        if not isinstance(conda, Mapping):
            raise RecipeRefused("conda: must be the conda file's content as an object.")
        try:
            normal = normalised(check_conda(conda))
        except ValidationError as error:
            raise RecipeRefused("; ".join(_lines(error))) from error
        return cls(image, *(tuple(normal[name]) for name in ("channels", "dependencies", "pip")))

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> Self:
        """What `dump` gave, after a way through JSON."""
        lists = (tuple(stored[name]) for name in ("channels", "dependencies", "pip"))
        return cls(stored["image"], *lists)

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    def conda_file(self) -> dict[str, Any]:
        """The conda file again, for conda itself."""
        pip = [{"pip": list(self.pip)}] if self.pip else []
        return {"channels": list(self.channels), "dependencies": [*self.dependencies, *pip]}


def _lines(error: ValidationError) -> list[str]:
    return [
        f"conda.{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_context=False)
    ]
