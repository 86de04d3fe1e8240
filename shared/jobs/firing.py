"""The job that a data schedule makes for a file that landed.

The file's name is somebody else's text, so it never enters the command: `${{trigger.path}}` there
becomes an input of its own, with the name as its value.
"""

from collections.abc import Mapping
from typing import Any

from shared.jobs.bindings import find_bindings, replace_bindings
from shared.jobs.command import CommandJob
from shared.jobs.inputs import TRIGGER_PATH, DataInput, LiteralInput
from shared.jobs.parse import dump, parse_job
from shared.jobs.schedule import Schedule


def job_for_file(schedule: Schedule, path: str) -> CommandJob:
    """The schedule's job, with `${{trigger.path}}` standing for this file wherever it is written.

    path: of the file, from the root of container `data`. Raises InvalidDocument when the name
    can't be an input, for example one with a backslash in it or longer than 1,024 characters.
    """
    job = schedule.create_job
    document = dump(job)
    document.pop("name", None)
    for name, item in job.inputs.items():
        document["inputs"][name] = _filled(item, document["inputs"][name], path)
    if _in_text(job):
        name = _free_name(document["inputs"])
        document["inputs"][name] = path
        document["command"] = _rebound(job.command, name)
        document["environment_variables"] = {
            variable: _rebound(text, name) for variable, text in job.environment_variables.items()
        }
    return parse_job(document)


def _in_text(job: CommandJob) -> bool:
    texts = (job.command, *job.environment_variables.values())
    return any(found.what == "trigger.path" for text in texts for found in find_bindings(text))


def _free_name(inputs: Mapping[str, Any]) -> str:
    names = ("trigger_path", *(f"trigger_path_{number}" for number in range(2, len(inputs) + 3)))
    return next(name for name in names if name not in inputs)


def _rebound(text: str, name: str) -> str:
    def other(what: str) -> str:
        return "${{inputs." + name + "}}" if what == "trigger.path" else "${{" + what + "}}"

    return replace_bindings(text, lambda binding: other(binding.what))


def _filled(item: DataInput | LiteralInput, written: Any, path: str) -> Any:
    if isinstance(item, DataInput):
        filled = {"path": item.path.replace(TRIGGER_PATH, path)} if item.path is not None else {}
        return {**written, **filled}
    if isinstance(item.default, str) and TRIGGER_PATH in item.default:
        text = item.default.replace(TRIGGER_PATH, path)
        return {**written, "default": text} if isinstance(written, Mapping) else text
    return written
