"""The conda file of an environment, checked and brought to one form.

Two files that ask for the same packages are one environment: `name` and `prefix` do not count, nor
does the order of dependencies. The order of channels does, since conda takes it as priority.
"""

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

from shared.jobs.problems import Field, refusal

_KNOWN = ("name", "channels", "dependencies", "prefix")
_FILE_OPTIONS = ("-r", "--requirement", "-c", "--constraint", "-e", "--editable")

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
    _check_texts(faults, ("channels",), document.get("channels", []))
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


def _check_dependencies(faults: Faults, items: Any) -> None:
    where: Field = ("dependencies",)
    if not isinstance(items, list) or not items:
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
        words = line.replace("=", " ").split() if isinstance(line, str) else []
        if words and words[0] in _FILE_OPTIONS:
            message = f"'{words[0]}' in a pip list is not supported yet"
            _fault(faults, (*where, "pip", index), line, message, "list the packages here")


def normalised(document: Mapping[str, Any]) -> dict[str, Any]:
    """Channels in their order; dependencies and pip packages sorted, each once; pip options first,
    in their order. Takes what `check_conda` accepts."""
    packages = [item.strip() for item in document["dependencies"] if isinstance(item, str)]
    pip = [
        line.strip()
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


def _sorted_once(items: Iterable[str]) -> list[str]:
    return sorted(set(items))


def canonical_json(value: Any) -> str:
    """One text for one value: keys sorted, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
