"""Bindings, `${{inputs.x}}` and the like: finding them, and filling them in where text is text.

In a command they are not filled in but become shell variables: see `render`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from shared.jobs.command import CommandJob
from shared.jobs.data_input import TRIGGER_BINDINGS
from shared.jobs.data_paths import is_remote
from shared.jobs.inputs import DataInput, LiteralInput
from shared.jobs.problems import Field, Problem

TOKEN: Final = re.compile(r"\$\{\{\s*(?P<what>[^{}]*?)\s*\}\}")
#: Bindings that need no declaration in the job.
GIVEN: Final = ("name", "default_datastore")
_MOST_COMPARED: Final = 100
_NOT_YET: Final = {
    "search_space": "sweep jobs are not supported yet; make it an input",
    "parent": "pipeline jobs are not supported yet; make it an input",
}


@dataclass(frozen=True, slots=True)
class Binding:
    """What stands between `${{` and `}}`, for example `inputs.x`, and where in the text."""

    what: str
    start: int
    end: int

    @property
    def input(self) -> str | None:
        """The name of the input it stands for; None when it stands for something else."""
        return self.what[7:] if self.what.startswith("inputs.") else None

    @property
    def output(self) -> str | None:
        """The name of the output it stands for; None when it stands for something else."""
        return self.what[8:] if self.what.startswith("outputs.") else None


def find_bindings(text: str) -> Iterator[Binding]:
    """The bindings in the text from left to right, known or not."""
    return (Binding(found["what"], *found.span()) for found in TOKEN.finditer(text))


def substitute(text: str, values: Mapping[str, str]) -> str:
    """The text with each binding replaced by its value, once: a value's own `${{` stays as it is.

    values: by what stands in the braces, such as `inputs.x` or `name`. Never use this for text that
    a shell reads. Raises KeyError, naming the binding, when there is no value for it.
    """
    return TOKEN.sub(lambda found: values[found["what"]], text)


def binding_problems(job: CommandJob, *, trigger: bool = False) -> Iterator[Problem]:
    """Bindings that stand for nothing. trigger: whether `${{trigger.path}}` stands for a file."""
    yield from _text_problems(job, job.command, ("command",), trigger=trigger)
    for name, text in job.environment_variables.items():
        yield from _text_problems(job, text, ("environment_variables", name), trigger=trigger)
    for name, item in job.inputs.items():
        if isinstance(item, DataInput) and item.path is not None:
            yield from _path_problems(job, item.path, ("inputs", name, "path"), trigger=trigger)
    for name, output in job.outputs.items():
        if output.path is not None:
            field = ("outputs", name, "path")
            given_here = ("name", "output_name")
            yield from _path_problems(job, output.path, field, given_here)


def _path_problems(
    job: CommandJob, path: str, field: Field, known: Sequence[str] = (), *, trigger: bool = False
) -> Iterator[Problem]:
    """In an address a literal input's text can stand too; a local path is what it is."""
    literals = [
        f"inputs.{name}" for name, item in job.inputs.items() if isinstance(item, LiteralInput)
    ]
    known = (*known, *(literals if is_remote(path) else ()))
    for binding in find_bindings(path):
        if binding.what in TRIGGER_BINDINGS:
            if not trigger:
                yield _no_trigger(field, binding.what)
        elif binding.what not in known:
            what = "${{" + binding.what + "}}"
            names = ["default_datastore", "trigger.path", *known]
            remedy = "what can stand in this path: " + ", ".join("${{" + n + "}}" for n in names)
            yield Problem(field, f"{what} has no value here", remedy)
        elif binding.input is not None and not given(job, binding.input):
            what = "${{" + binding.what + "}}"
            yield Problem(field, f"{what} is optional and has no value", "give it a value")


def _no_trigger(field: Field, what: str) -> Problem:
    return Problem(
        field,
        "${{" + what + "}} has no value here",
        "it stands for files that landed, in the job of a schedule with a data trigger",
    )


def _text_problems(job: CommandJob, text: str, field: Field, *, trigger: bool) -> Iterator[Problem]:
    for binding in {one.what: one for one in find_bindings(text)}.values():
        if binding.what in TRIGGER_BINDINGS:
            if not trigger:
                yield _no_trigger(field, binding.what)
        elif binding.what not in GIVEN and not _declared(job, binding):
            message = "${{" + binding.what + "}} stands for nothing"
            yield Problem(field, message, _remedy(job, binding))
    if "${{" in TOKEN.sub("", text):
        yield Problem(field, "a `${{` is never closed", "write `${{inputs.<name>}}`")


def _declared(job: CommandJob, binding: Binding) -> bool:
    return binding.input in job.inputs or binding.output in job.outputs


def _remedy(job: CommandJob, binding: Binding) -> str:
    root = binding.what.partition(".")[0]
    if root in _NOT_YET:
        return _NOT_YET[root]
    known = [*GIVEN, *(f"inputs.{name}" for name in job.inputs)]
    known += [f"outputs.{name}" for name in job.outputs]
    known = known[:_MOST_COMPARED]
    near = get_close_matches(binding.what, known, n=1)
    if near:
        return "did you mean ${{" + near[0] + "}}?"
    if root in ("inputs", "outputs"):
        return f"declare '{binding.what.partition('.')[2]}' under `{root}:`"
    return "use ${{inputs.<name>}}, ${{outputs.<name>}} or ${{name}}"


def replace_bindings(text: str, replacement: Callable[[Binding], str]) -> str:
    """The text with each binding replaced by what the function gives for it."""
    return TOKEN.sub(lambda found: replacement(Binding(found["what"], *found.span())), text)


def given(job: CommandJob, name: str) -> bool:
    """Whether the input has a value: what is optional may have been left out."""
    item = job.inputs[name]
    return (item.default if isinstance(item, LiteralInput) else item.path) is not None
