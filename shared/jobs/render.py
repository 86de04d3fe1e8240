"""A job's command as a script for /bin/sh, and what its variables hold.

Values are data, never code: a binding becomes the expansion of an environment variable, named as
in Azure ML (`AZURE_ML_INPUT_<name>`), quoted for the place it stands in. So a value with spaces,
quotes or `$(…)` reaches the program as one argument, exactly as written. A value that is meant as
several arguments has to be split by the script; and `sh -c "… ${{inputs.x}} …"` still is a second
reading of the value as code, which its author asked for: write `sh -c '… "$AZURE_ML_INPUT_x" …'`.

`$[[ … ]]` is kept when every input in it has a value, else dropped whole, before quoting.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from shared.jobs.bindings import Binding, find_bindings, given
from shared.jobs.command import CommandJob
from shared.jobs.datastore import DEFAULT_DATASTORE
from shared.jobs.inputs import DataInput, LiteralInput
from shared.jobs.problems import Field, Problem
from shared.jobs.shell import quote_bindings
from shared.jobs.unsafe import UnsafePlace

RUN_NAME_VARIABLE: Final = "RETRAIN_RUN_NAME"
_DATASTORE_VARIABLE = "RETRAIN_DEFAULT_DATASTORE"
_SECTION = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)
#: The script travels in one environment variable, which may have 131,072 bytes with its name.
MAX_SCRIPT_BYTES: Final = 120_000
MAX_VALUES_BYTES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that is known now."""

    text: str


@dataclass(frozen=True, slots=True)
class InputPath:
    """The path on the node of the data input with this name."""

    name: str


@dataclass(frozen=True, slots=True)
class OutputPath:
    """The path on the node of the declared output with this name."""

    name: str


@dataclass(frozen=True, slots=True)
class RunName:
    """The name of the run."""


Value = Literal | InputPath | OutputPath | RunName


@dataclass(frozen=True, slots=True)
class Rendered:
    """A script for /bin/sh, and the environment variables it and its programs expect."""

    script: str
    variables: Mapping[str, Value]


def render_command(job: CommandJob) -> Rendered:
    """The job's command, ready to run. Takes a job that `parse_job` accepted."""
    return Rendered(quote_bindings(_kept(job), _variable), _variables(job))


def input_variable(name: str) -> str:
    """The variable that holds an input's value or path."""
    return f"AZURE_ML_INPUT_{name}"


def output_variable(name: str) -> str:
    """The variable that holds an output's path."""
    return f"AZURE_ML_OUTPUT_{name}"


def command_problems(job: CommandJob) -> Iterator[Problem]:
    """What keeps the command from being rendered, once its bindings are known to be declared."""
    field = ("command",)
    yield from _section_problems(job)
    yield from _size_problems(job)
    kept = _kept(job)
    yield from _unset(job, kept, field)
    for name, text in job.environment_variables.items():
        yield from _unset(job, text, ("environment_variables", name))
    try:
        script = quote_bindings(kept, lambda binding: f"AZURE_ML_{binding.what}")
    except UnsafePlace as place:
        yield Problem(field, place.message, place.remedy)
        return
    if len(script.encode()) > MAX_SCRIPT_BYTES:
        yield Problem(field, "is too long", "put it in a script in the code folder, and call that")


def _unset(job: CommandJob, text: str, field: Field) -> Iterator[Problem]:
    for binding in find_bindings(text):
        if binding.input in job.inputs and not given(job, binding.input):
            what = "${{" + binding.what + "}}"
            remedy = "give it a value"
            if field == ("command",):
                remedy += f", or write $[[… {what} …]]"
            yield Problem(field, f"{what} is optional and has no value", remedy)


def _size_problems(job: CommandJob) -> Iterator[Problem]:
    literals = (item.text for item in job.inputs.values() if isinstance(item, LiteralInput))
    texts = [*(text for text in literals if text), *job.environment_variables.values()]
    # A single quote takes five bytes once the text is quoted for a shell.
    total = sum(len(text.encode()) + 4 * text.count("'") for text in texts)
    if total > MAX_VALUES_BYTES:
        yield Problem(
            ("inputs",),
            "literals and environment variables are too long together",
            f"keep them below {MAX_VALUES_BYTES:,} bytes, and put the rest in a file",
        )


def _section_problems(job: CommandJob) -> Iterator[Problem]:
    for section in _SECTION.finditer(job.command):
        if not any(binding.input for binding in find_bindings(section[1])):
            remedy = "write it without $[[ ]], or with the ${{inputs.<name>}} it depends on"
            yield Problem(("command",), f"`{section[0]}` depends on no input", remedy)
    if "$[[" in _SECTION.sub("", job.command):
        yield Problem(("command",), "a `$[[` is never closed", "close it with `]]`")


def _kept(job: CommandJob) -> str:
    """The command with each optional section unwrapped or dropped."""

    def unwrap(section: re.Match[str]) -> str:
        names = (binding.input for binding in find_bindings(section[1]))
        whole = all(given(job, name) for name in names if name in job.inputs)
        return section[1] if whole else ""

    return _SECTION.sub(unwrap, job.command)


def _variable(binding: Binding) -> str:
    if binding.input is not None:
        return input_variable(binding.input)
    if binding.output is not None:
        return output_variable(binding.output)
    return {"name": RUN_NAME_VARIABLE, "default_datastore": _DATASTORE_VARIABLE}[binding.what]


def _variables(job: CommandJob) -> dict[str, Value]:
    values: dict[str, Value] = {
        RUN_NAME_VARIABLE: RunName(),
        _DATASTORE_VARIABLE: Literal(DEFAULT_DATASTORE),
    }
    for name, item in job.inputs.items():
        if isinstance(item, DataInput):
            if item.path is not None:
                values[input_variable(name)] = InputPath(name)
        elif item.text is not None:
            values[input_variable(name)] = Literal(item.text)
    for name in job.outputs:
        values[output_variable(name)] = OutputPath(name)
    return values
