"""JSON Schemas of the files that people write, made from the models, for editors and checkers.

A file may say more than the model it becomes: a job may name its component, a schedule its job's
file. A schema takes every file that is right; of wrong ones it finds misspelt fields and values of
the wrong type, and leaves what only the whole tells (bindings, ranges by type, files) to
`retrain job validate`.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from shared.jobs.command import CommandJob
from shared.jobs.component import CommandComponent
from shared.jobs.documents import KINDS
from shared.jobs.kinds import WORDS

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE: Final = "#/$defs/{model}"
Schema = dict[str, Any]


def json_schema(kind: str) -> Schema:
    """The schema of a file of this kind, a key of KINDS."""
    schema = _of_model(KINDS[kind].model)
    _FOR_FILES.get(kind, _as_it_is)(schema)
    definitions = schema.pop("$defs", {})
    head = {"$schema": _DIALECT, "title": f"Retrain: {WORDS[kind].called}"}
    rest = {name: value for name, value in schema.items() if name != "title"}
    return {**head, **rest, "$defs": dict(sorted(definitions.items()))}


def written(schema: Schema) -> str:
    """The schema as the text of a file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _as_it_is(schema: Schema) -> None:
    return None


def _of_model(model: type[Any]) -> Schema:
    schema: Schema = _tidied(model.model_json_schema(by_alias=True))
    return schema


def _tidied(schema: Any) -> Any:
    """Without titles that repeat the field's name; what may be left empty may be null."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {name: _tidied(value) for name, value in schema.items()}
    properties = found.get("properties")
    if isinstance(properties, dict):
        found["properties"] = {name: _property(value) for name, value in properties.items()}
    return found


def _property(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    found = {name: value for name, value in schema.items() if name != "title"}
    if found.get("type") == "object" and found.get("default") == {}:
        found["type"] = ["object", "null"]
    if "default" in found and isinstance(found["default"], dict | list | None):
        del found["default"]  # says no more than that it may be left out
    return found


def _job_file(schema: Schema) -> None:
    component = _of_model(CommandComponent)
    schema["$defs"] |= component.pop("$defs", {})
    schema["$defs"]["CommandComponent"] = component
    schema["properties"]["component"] = {
        "description": "Instead of `command`, `code` and `environment`: a component, or its file.",
        "anyOf": [{"type": "string"}, {"$ref": _REFERENCE.format(model="CommandComponent")}],
    }
    schema.pop("required", None)
    schema["anyOf"] = [{"required": ["command", "environment"]}, {"required": ["component"]}]


def _schedule_file(schema: Schema) -> None:
    job = _of_model(CommandJob)
    _job_file(job)
    schema["$defs"] |= job.pop("$defs")
    schema["$defs"]["CommandJob"] = job
    schema["$defs"]["JobOfFile"] = {
        "type": "object",
        "description": "A job's file, and what is written instead of what stands in it.",
        "additionalProperties": False,
        "properties": {
            "job": {"type": "string", "description": "The job's file."},
            **job["properties"],
        },
        "required": ["job"],
    }
    told = schema["properties"]["create_job"].get("description", "")
    forms = [{"$ref": _REFERENCE.format(model=name)} for name in ("CommandJob", "JobOfFile")]
    schema["properties"]["create_job"] = {
        "description": told,
        "anyOf": [{"type": "string", "description": "The job's file."}, *forms],
    }


_FOR_FILES: Final[Mapping[str, Callable[[Schema], None]]] = {
    "job": _job_file,
    "schedule": _schedule_file,
}
