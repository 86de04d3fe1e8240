"""A job that names a component, or a component alone, as the command job that it stands for.

component:                        inputs given by the job:      the job:
  command: train ${{inputs.rate}}   rate: 0.1                     command: train ${{inputs.rate}}
  inputs:                                                         inputs:
    rate: {type: number, max: 1}                                    rate: {type: number, max: 1,
                                                                           default: 0.1}
"""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from shared.jobs.component import CommandComponent, Dataset, Parameter
from shared.jobs.kinds import check_kind, kind_of
from shared.jobs.problems import InvalidDocument, Problem
from shared.jobs.validation import raise_any, validated

#: Fields of a component that a job can't write anew; the others it can add to.
_FIXED: Final = ("command", "code", "environment", "additional_includes")
_JOINED: Final = ("environment_variables", "tags", "properties")
_OWN: Final = ("$schema", "name", "version", "is_deterministic", "inputs", "outputs")


def expanded(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document of the command job that it stands for; one without a component as it is.

    Raises InvalidDocument for a component that is wrong or of another kind, and for inputs that
    don't suit it; the job as a whole is not checked here.
    """
    if kind_of(document) == "component":
        document = {"component": document}
    if "component" not in document:
        return document
    component = _component(document["component"])
    raise_any(_problems(component, document))
    return _job(component, document)


def _component(written: Any) -> CommandComponent:
    if isinstance(written, str):
        raise InvalidDocument([_named(written)])
    check_kind(written, "component", ("component",))
    return validated(CommandComponent, written, ("component",))


def _named(name: str) -> Problem:
    field = ("component",)
    if name.startswith("azureml:"):
        message = f"registered components are not supported yet ('{name}')"
        return Problem(field, message, "name the component's file: `component: ./component.yml`")
    message = f"'{name}' names a file, which only `retrain job create -f` can read"
    return Problem(field, message, "write the component itself here")


def _problems(component: CommandComponent, job: Mapping[str, Any]) -> Iterator[Problem]:
    for name in _FIXED:
        if name in job:
            yield Problem((name,), "the component has it already", "leave it out, or `component:`")
    yield from _strangers("inputs", component.inputs, job)
    yield from _strangers("outputs", component.outputs, job)
    given = _mapping(job, "inputs")
    for name, item in component.inputs.items():
        if given.get(name) is None and not _can_be_left_out(item):
            remedy = f"write it under `inputs:`, or say `--set inputs.{name}=…`"
            yield Problem(("inputs", name), "the component needs a value for it", remedy)


def _strangers(part: str, known: Iterable[str], job: Mapping[str, Any]) -> Iterator[Problem]:
    for name in _mapping(job, part):
        if name not in known:
            near = get_close_matches(str(name), known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"it has: {', '.join(known) or 'none'}"
            yield Problem((part, name), f"the component has no such {part[:-1]}", hint)


def _can_be_left_out(item: Parameter | Dataset) -> bool:
    return item.optional or (isinstance(item, Parameter) and item.default is not None)


def _mapping(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}


def _job(component: CommandComponent, job: Mapping[str, Any]) -> dict[str, Any]:
    written = {
        name: value for name, value in job["component"].items() if name not in _OWN and value
    }
    result = {**written, **{name: value for name, value in job.items() if name != "component"}}
    for name in _JOINED:
        if name in written and isinstance(job.get(name), Mapping):
            result[name] = {**written[name], **job[name]}
    if component.name:
        result.setdefault("display_name", component.name)
        origin = ":".join(filter(None, (component.name, component.version)))
        result["properties"] = {"component": origin, **(result.get("properties") or {})}
    given = _mapping(job, "inputs")
    result["inputs"] = {
        name: _input(item, given.get(name)) for name, item in component.inputs.items()
    }
    result["outputs"] = {
        name: {**_written(job["component"], "outputs", name), **_written(job, "outputs", name)}
        for name in component.outputs
    }
    return result


def _written(document: Mapping[str, Any], part: str, name: str) -> Mapping[str, Any]:
    return _mapping(_mapping(document, part), name)


def _input(item: Parameter | Dataset, value: Any) -> Any:
    """What the job's document says for an input of the component, given this value, or None."""
    key = "default" if isinstance(item, Parameter) else "path"
    written = item.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    if value is None:
        return {"type": item.type, **written}
    return {
        "type": item.type,
        **written,
        **(value if isinstance(value, Mapping) else {key: value}),
    }
