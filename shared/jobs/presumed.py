"""What else is wrong with a job some of whose fields are wrong: so that all is told at once.

A wrong field is taken for the simplest right one, a misspelt one for what it seems to mean; then
the job can be looked at as a whole. Nothing is said that may only be wrong because of that.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

from shared.jobs.command import Command
from shared.jobs.problems import Field, InvalidDocument, Problem
from shared.jobs.validation import validated

AnyCommand = TypeVar("AnyCommand", bound=Command)

#: Right ones of the fields that a job must have.
STAND_INS: Final[Mapping[str, Any]] = {"command": "true", "environment": {"image": "any"}}
_INPUT: Final = {"type": "string", "default": "x"}
_DECLARING: Final = ("inputs", "outputs")
_BY_NAME: Final = (*_DECLARING, "environment_variables")
#: A misspelt field is read as another; that may have faults, which are put right in their turn.
_ROUNDS: Final = 3


class _Unknowable(Exception):
    """Too much is wrong for anything more to be sure."""


def further_problems(
    model: type[AnyCommand],
    document: Mapping[str, Any],
    known: Iterable[Problem],
    judge: Callable[[AnyCommand], Iterable[Problem]],
) -> Iterator[Problem]:
    """What `judge` finds in the document, with what is known to be wrong put right.

    known: what the model found in the document's fields.  Found in a misspelt field, a problem is
    told of the name that it has in the document.
    """
    whole, meant = _renamed(model, document)
    fields = (problem.field for problem in known)
    wrong: Iterable[Field] = [field for field in fields if field[:1] not in {(n,) for n in meant}]
    try:
        for _ in range(_ROUNDS):
            _put_right(model, whole, wrong)
            try:
                found = [*judge(validated(model, whole))]
                break
            except InvalidDocument as error:
                wrong = [problem.field for problem in error.problems]
        else:
            return
    except _Unknowable:
        return
    written = {right: name for name, right in meant.items()}
    for problem in found:
        names = [written.get(str(name), name) for name in problem.field[:1]]
        yield Problem((*names, *problem.field[1:]), problem.message, problem.remedy)


def _renamed(
    model: type[Command], document: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The document with misspelt names as what they mean, and which became which."""
    names = model.field_names()
    whole = {name: value for name, value in document.items() if name in names}
    meant: dict[str, str] = {}
    for name in document:
        right = None if name in names or name in model.not_yet else model.meant(name)
        if right is not None and right not in whole:
            whole[right], meant[name] = document[name], right
    return whole, meant


def _put_right(model: type[Command], whole: dict[str, Any], wrong: Iterable[Field]) -> None:
    for field in wrong:
        if not field:
            raise _Unknowable
        head, *rest = field
        if head in _BY_NAME and rest:
            whole[str(head)] = _with_right_entry(whole.get(str(head)), rest, str(head))
        elif head in _DECLARING:
            raise _Unknowable  # anything may be declared there
        else:
            whole.pop(str(head), None)
    for name, value in STAND_INS.items():
        whole.setdefault(name, value)


def _with_right_entry(entries: Any, rest: list[str | int], part: str) -> Mapping[str, Any]:
    if not isinstance(entries, Mapping):
        raise _Unknowable
    name = str(rest[0])
    others = {key: value for key, value in entries.items() if key != name}
    if part == "environment_variables" or not (name.isidentifier() and name.isascii()):
        return others
    return others | {name: _INPUT if part == "inputs" else None}
