"""The conda file of an environment, checked and brought to one form.

Two files that ask for the same packages are one environment: `name` and `prefix` do not count, nor
do the order of dependencies, spaces and comments. The order of channels does, since conda takes it
as priority.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

from shared.jobs.problems import Field, refusal

_KNOWN = ("name", "channels", "dependencies", "prefix")
_FILE_OPTIONS = ("-r", "--requirement", "-c", "--constraint", "-e", "--editable")
#: A channel is a name with subchannels, or a URL: conda-forge, pytorch/label/nightly, https://….
_CHANNEL = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[\w.-]+)*|https?://[\w.-]+(?::\d+)?(?:/[\w.~%-]+)*/?")
_CREDENTIALS = re.compile(r"[a-z+]+://[^/\s]*@|https?://\S*/t/[^/\s]+/", re.IGNORECASE)
_AROUND_OPERATORS = re.compile(r"\s*([<>=!~,|]+)\s*")
_COMMENT = re.compile(r"(^|\s)#.*")

#: What is written here is kept, shown and part of an image; a password would be too.
_SECRET = (
    "an address with a password or token in it is refused",
    "make an image that has the private packages, and name it in `image:`",
)

Faults = list[InitErrorDetails]


def check_conda(document: Mapping[Any, Any]) -> Mapping[str, Any]:
    """The mapping itself, when it is a conda file Retrain can build; else all that is wrong."""
    faults: Faults = []
    for key in document:
        if key not in _KNOWN:
            _fault(faults, (str(key),), document[key], *_strange(key))
    for key in ("name", "prefix"):
        if not isinstance(document.get(key, ""), str | None):
            _fault(faults, (key,), document[key], "must be text", "put it in quotes")
    _check_channels(faults, document.get("channels", []))
    _check_dependencies(faults, document.get("dependencies"))
    if faults:
        raise ValidationError.from_exception_data("conda_file", faults)
    return document


def _strange(key: object) -> tuple[str, str]:
    if key == "variables":
        return "not supported yet", "set them in the job's environment_variables"
    near = get_close_matches(str(key), _KNOWN, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"the fields are: {', '.join(_KNOWN)}"
    return "unknown field", hint


def _fault(faults: Faults, where: Field, value: Any, message: str, remedy: str) -> None:
    faults.append(InitErrorDetails(type=refusal(message, remedy), loc=where, input=value))


def _check_texts(faults: Faults, where: Field, items: Any) -> None:
    if not isinstance(items, list):
        _fault(faults, where, items, "must be a list", "write one `- item` a line")
        return
    for index, item in enumerate(items):
        if not isinstance(item, str) or not item.strip():
            _fault(faults, (*where, index), item, "must be text", "put it in quotes")


def _check_channels(faults: Faults, items: Any) -> None:
    _check_texts(faults, ("channels",), items)
    for index, item in enumerate(items if isinstance(items, list) else []):
        if not isinstance(item, str) or not item.strip():
            continue
        if _CREDENTIALS.search(item):
            _fault(faults, ("channels", index), "…", *_SECRET)
        elif not _CHANNEL.fullmatch(item.strip()):
            message = f"'{item}' is not a channel"
            remedy = "write a name like conda-forge or pytorch/label/nightly, or an https:// URL"
            _fault(faults, ("channels", index), item, message, remedy)


def _check_dependencies(faults: Faults, items: Any) -> None:
    where: Field = ("dependencies",)
    if not isinstance(items, list) or not items or all(item == {"pip": []} for item in items):
        remedy = "write `dependencies:` with one `- package` a line"
        _fault(faults, where, items, "must be a list with at least one package", remedy)
        return
    for index, item in enumerate(items):
        if isinstance(item, Mapping):
            _check_pip(faults, (*where, index), item)
        elif not isinstance(item, str) or not item.strip():
            _fault(faults, (*where, index), item, "must be text or a pip list", "put it in quotes")


def _check_pip(faults: Faults, where: Field, item: Mapping[Any, Any]) -> None:
    if list(item) != ["pip"]:
        _fault(faults, where, item, "only `pip:` may hold a list here", "write `- pip:` alone")
        return
    _check_texts(faults, (*where, "pip"), item["pip"])
    for index, line in enumerate(item["pip"] if isinstance(item["pip"], list) else []):
        if not isinstance(line, str):
            continue
        words = line.replace("=", " ").split()
        if words and words[0] in _FILE_OPTIONS:
            message = f"'{words[0]}' in a pip list is not supported yet"
            _fault(faults, (*where, "pip", index), line, message, "list the packages here")
        elif _CREDENTIALS.search(line):
            _fault(faults, (*where, "pip", index), "…", *_SECRET)


def normalised(document: Mapping[str, Any]) -> dict[str, Any]:
    """Channels in their order; dependencies and pip packages sorted, each once; pip options first,
    in their order. Takes what `check_conda` accepts."""
    packages = [_package(item) for item in document["dependencies"] if isinstance(item, str)]
    pip = [
        _pip_line(line)
        for item in document["dependencies"]
        if isinstance(item, Mapping)
        for line in item["pip"]
    ]
    options = [line for line in pip if line.startswith("-")]
    return {
        "channels": [channel.strip() for channel in document.get("channels", [])],
        "dependencies": _sorted_once(packages),
        "pip": options + _sorted_once(line for line in pip if not line.startswith("-")),
    }


def _package(spec: str) -> str:
    """`numpy >= 1.26, <2` as `numpy>=1.26,<2`; spaces that part name, version and build stay."""
    return " ".join(_AROUND_OPERATORS.sub(r"\1", spec).split())


def _pip_line(line: str) -> str:
    """The same for pip; addresses and what stands behind a `;` or `@` are left as they are."""
    line = " ".join(_COMMENT.sub("", line).split())
    requirement, mark, rest = line.partition(";")
    if line.startswith("-") or "@" in requirement or "://" in requirement:
        return line
    requirement = _AROUND_OPERATORS.sub(r"\1", requirement).strip()
    return f"{requirement}; {rest.strip()}" if mark else requirement


def _sorted_once(items: Iterable[str]) -> list[str]:
    return sorted({item for item in items if item})
