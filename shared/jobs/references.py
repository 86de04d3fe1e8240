"""Registered things by name, as Azure ML writes them: `azureml:wine:3`, `azureml:wine@latest`."""

import re
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator

from shared.jobs.problems import refusal
from shared.jobs.text import literal_text

#: The label that everything registered has without anybody setting it.
LATEST: Final = "latest"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}")
_VERSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_REFERENCE = re.compile(r"azureml:(?P<name>[^/:@]+)(?:(?P<mark>[:@])(?P<which>[^/:@]+))?")


def asset_name(name: str) -> str:
    """1 to 255 letters, digits, -, _ and dots, no dot at either end. Raises a refusal."""
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise refusal(
            f"'{name[:80]}' can't be the name of something registered",
            "use 1 to 255 letters, digits, -, _ and ., beginning with a letter, digit or _",
        )
    return name


def asset_version(version: str) -> str:
    """1 to 64 letters, digits, -, _ and dots, no dot at either end. Raises a refusal."""
    if not _VERSION.fullmatch(version) or version.endswith("."):
        raise refusal(
            f"'{version[:80]}' can't be a version",
            "use 1 to 64 letters, digits, -, _ and ., beginning with a letter, digit or _",
        )
    return version


def asset_label(label: str) -> str:
    """A label that can be set: `latest` can't, since it moves by itself. Raises a refusal."""
    if not _LABEL.fullmatch(label) or label.endswith("."):
        raise refusal(
            f"'{label[:80]}' can't be a label",
            "use 1 to 64 letters, digits, -, _ and ., such as champion",
        )
    if label == LATEST:
        raise refusal("`latest` can't be set", "take another: it is the version registered last")
    return label


def _written_number(value: object) -> object:
    """`version: 1` in YAML is a number, and means the text."""
    return literal_text(value) if isinstance(value, int | float) else value


AssetName = Annotated[str, AfterValidator(asset_name)]
AssetVersion = Annotated[
    str,
    BeforeValidator(_written_number, json_schema_input_type=str | int | float),
    AfterValidator(asset_version),
]


@dataclass(frozen=True, slots=True)
class AssetReference:
    """By version, or by label; a name alone means the label `latest`."""

    name: str
    version: str | None = None
    label: str | None = None

    def __str__(self) -> str:
        which = f":{self.version}" if self.version else f"@{self.label or LATEST}"
        return f"azureml:{self.name}{which}"


def is_asset_reference(text: str) -> bool:
    """Whether the text means something registered, be it right or wrong in its details."""
    return text.startswith("azureml:") and not text.startswith("azureml:/")


def parse_asset_reference(text: str) -> AssetReference:
    """Read a reference. Raises a refusal (a ValueError) that says what is wrong."""
    form = _REFERENCE.fullmatch(text)
    if form is None:
        raise refusal(
            f"'{text[:200]}' names nothing registered",
            "write azureml:<name>:<version> or azureml:<name>@<label>",
        )
    name, which = asset_name(form["name"]), form["which"]
    if form["mark"] == ":":
        return AssetReference(name, version=asset_version(which))
    if which is not None and not _LABEL.fullmatch(which):
        raise refusal(f"'{which[:80]}' can't be a label", "write azureml:<name>@latest")
    return AssetReference(name, label=which or LATEST)
