"""The job that a data schedule makes for the files that landed.

A file's name is somebody else's text, so it never enters the command: `${{trigger.path}}` there
becomes an input of its own, with the name as its value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from shared.jobs.bindings import find_bindings, replace_bindings
from shared.jobs.command import CommandJob
from shared.jobs.data_input import TRIGGER_BINDINGS
from shared.jobs.inputs import DataInput, LiteralInput
from shared.jobs.parse import dump, parse_job
from shared.jobs.schedule import Schedule
from shared.jobs.text import MAX_VALUE_BYTES

#: Bindings of literal inputs that every schedule gives a value, as Azure ML does: the run's name,
#: and when it was due or its files landed.
OF_SCHEDULES: Final = ("name", "creation_context.trigger_time")
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
#: Bytes of paths as text, below what a value may have.
MOST_TEXT: Final = MAX_VALUE_BYTES - 1024


@dataclass(frozen=True, slots=True)
class Landed:
    """paths: of the files from the root of container `data`, at least one, in the order in which
    they landed.  manifest: of the text with one path a line, in container `snapshots`."""

    paths: tuple[str, ...]
    manifest: str = ""

    @property
    def folder(self) -> str:
        """The innermost folder that all of them are in; it has no / at its end, the root is ``."""
        parts = [path.split("/")[:-1] for path in self.paths]
        first, last = min(parts), max(parts)
        same = 0
        while same < min(len(first), len(last)) and first[same] == last[same]:
            same += 1
        return "/".join(first[:same])

    @property
    def values(self) -> Mapping[str, str]:
        """By binding, as text."""
        return {
            "trigger.path": self.paths[0],
            "trigger.paths": "\n".join(self.paths),
            "trigger.folder": self.folder,
        }


def job_for_file(schedule: Schedule, path: str) -> CommandJob:
    """The schedule's job for this one file, from the root of container `data`."""
    return job_for_files(schedule, Landed((path,)))


def job_for_tick(schedule: Schedule, given: Mapping[str, str]) -> CommandJob:
    """The schedule's job, with the bindings in literal inputs filled in that `given` has values
    for, such as `name`. Raises InvalidDocument when one becomes too long."""
    job = schedule.create_job
    document = dump(job)
    document.pop("name", None)
    for name, item in job.inputs.items():
        if isinstance(item, LiteralInput):
            document["inputs"][name] = _with_values(item, document["inputs"][name], given)
    return parse_job(document)


def job_for_files(
    schedule: Schedule, landed: Landed, given: Mapping[str, str] = NOTHING
) -> CommandJob:
    """The schedule's job, with `${{trigger.…}}` standing for these files wherever it is written.

    given: of other bindings in literal inputs, as for a tick.

    Raises InvalidDocument when a name can't be an input, for example one with a backslash in it or
    longer than 1,024 characters, or when there are too many for a text.
    """
    job, values = schedule.create_job, landed.values
    document = dump(job)
    document.pop("name", None)
    for name, item in job.inputs.items():
        document["inputs"][name] = _filled(item, document["inputs"][name], landed, given)
    for what in sorted(_in_text(job)):
        name = _free_name(what.replace(".", "_"), document["inputs"])
        document["inputs"][name] = values[what]
        document["command"] = _rebound(document["command"], what, name)
        document["environment_variables"] = {
            variable: _rebound(text, what, name)
            for variable, text in document["environment_variables"].items()
        }
    return parse_job(document)


def asks_for_files(job: CommandJob) -> set[str]:
    """The bindings of the job that only files give a value, such as `trigger.path`."""
    return _in_text(job) | _in_inputs(job)


def asks_for_paths_as_text(job: CommandJob) -> bool:
    """Whether all paths together have to fit a value."""
    literals = (item for item in job.inputs.values() if isinstance(item, LiteralInput))
    texts = [item.default for item in literals if isinstance(item.default, str)]
    return "trigger.paths" in _in_text(job) or any("${{trigger.paths}}" in text for text in texts)


def _in_text(job: CommandJob) -> set[str]:
    texts = (job.command, *job.environment_variables.values())
    found = {binding.what for text in texts for binding in find_bindings(text)}
    return found & TRIGGER_BINDINGS.keys()


def _in_inputs(job: CommandJob) -> set[str]:
    texts = [
        (item.path if isinstance(item, DataInput) else item.text) or ""
        for item in job.inputs.values()
    ]
    found = {binding.what for text in texts for binding in find_bindings(text)}
    return found & TRIGGER_BINDINGS.keys()


def _free_name(name: str, inputs: Mapping[str, Any]) -> str:
    names = (name, *(f"{name}_{number}" for number in range(2, len(inputs) + 3)))
    return next(name for name in names if name not in inputs)


def _rebound(text: str, what: str, name: str) -> str:
    def other(found: str) -> str:
        return "${{inputs." + name + "}}" if found == what else "${{" + found + "}}"

    return replace_bindings(text, lambda binding: other(binding.what))


def _filled(
    item: DataInput | LiteralInput, written: Any, landed: Landed, given: Mapping[str, str]
) -> Any:
    if isinstance(item, DataInput):
        places = {**landed.values, "trigger.paths": landed.manifest}
        if item.path is None:
            return written
        path = _replaced(item.path, places)
        return {**written, "path": path.replace("/paths//", "/paths/")}  # the folder is the root
    return _with_values(item, written, {**landed.values, **given})


def _with_values(item: LiteralInput, written: Any, values: Mapping[str, str]) -> Any:
    if isinstance(item.default, str) and "${{" in item.default:
        text = _replaced(item.default, values)
        return {**written, "default": text} if isinstance(written, Mapping) else text
    return written


def _replaced(text: str, values: Mapping[str, str]) -> str:
    return replace_bindings(
        text, lambda binding: values.get(binding.what, "${{" + binding.what + "}}")
    )
