"""How a command ends: 0 done, 1 failed, 2 wrong usage or a bad file, 130 stopped with Ctrl-C.

An error is a line on stderr and, when something can be done, a second one that says what; with
`--json` it is one JSON object there, as the API has it. There is no traceback: what nobody foresaw
is one line too, and RETRAIN_DEBUG=1 shows the rest.
"""

import json
import os
import re
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import typer
from typer.core import TyperGroup

from retrain.cli.output import note
from retrain.problem import Problem

INTERRUPTED = 130
DETAILS_SHOWN = 10


class RootGroup(TyperGroup):
    """The outermost group: everything that any command raises arrives here."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # a log may hold what the terminal can't show
        try:
            result = super().main(
                args, prog_name, complete_var, False, windows_expand_args, **extra
            )
        except Exception as error:  # noqa: BLE001  the last one before the user
            words = sys.argv[1:] if args is None else args
            as_json = "--json" in takewhile(lambda word: word != "--", words)
            result = explain(error, as_json=as_json)
        if not standalone_mode:
            return result
        sys.exit(result if isinstance(result, int) else 0)


@dataclass(frozen=True, slots=True)
class Ending:
    """An error, to be told. details: each with a `field` and a `message`, and what else is known.

    lines: what stands for all of it on a terminal; () is `error: <message>`, the details, the
    remedy.
    """

    exit_code: int
    code: str
    message: str
    remedy: str = ""
    details: Sequence[dict[str, Any]] = ()
    lines: Sequence[str] = ()


def explain(error: Exception, *, as_json: bool = False) -> int:
    """Tell the error on stderr and return the exit code that it stands for."""
    if os.environ.get("RETRAIN_DEBUG") and not isinstance(error, typer.TyperException):
        traceback.print_exception(error)
    ending = _ending(error)
    if as_json:
        names = ("code", "message", "remedy", "details")
        note(json.dumps({"error": {name: getattr(ending, name) for name in names}}))
        return ending.exit_code
    for line in ending.lines or _lines(ending):
        note(line)
    return ending.exit_code


def _ending(error: Exception) -> Ending:
    match error:
        case Problem():
            return _problem(error)
        case typer.TyperException():
            return _usage(error)
        case typer.Abort():
            return Ending(INTERRUPTED, "Stopped", "Stopped.", lines=["Stopped."])
        case OSError():
            what = f"{error.filename}: " if error.filename else ""
            return Ending(1, type(error).__name__, f"{what}{error.strerror or error}")
        case _:
            message = f"this is a bug in retrain: {type(error).__name__}: {error}"
            return Ending(1, "Bug", message, "RETRAIN_DEBUG=1 shows where; please report it.")


def _lines(ending: Ending) -> list[str]:
    lines = [f"error: {ending.message}"]
    for detail in ending.details[:DETAILS_SHOWN]:
        field, message = detail["field"], detail["message"]
        named = field in ending.message or field.replace("_", "-") in ending.message
        if named and message in ending.message:
            continue  # said already
        lines.append(f"  {field}: {message}" if field else message)
    if more := len(ending.details) - DETAILS_SHOWN:
        lines += [f"  and {more} more"] * (more > 0)
    return [*lines, *([ending.remedy] if ending.remedy else [])]


def _problem(error: Problem) -> Ending:
    code = error.code or type(error).__name__
    if hasattr(error, "problems"):
        # a file's faults stand for themselves: file:line:column, for editors to jump to
        from retrain.jobfile.errors import as_document

        found = [as_document(one) for one in error.problems]
        lines = [error.message]
        return Ending(error.exit_code, code, error.message, error.remedy, found, lines)
    details = [dict(detail) for detail in getattr(error, "details", ())]
    return Ending(error.exit_code, code, error.message, error.remedy, details)


def _usage(error: typer.TyperException) -> Ending:
    if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help itself
        text = error.format_message()
        return Ending(error.exit_code, "Usage", "There is a command missing.", lines=[text])
    context = getattr(error, "ctx", None)
    remedy = f"Try `{context.command_path} --help`." if context is not None else ""
    return Ending(error.exit_code, "Usage", _plain(error.format_message()), remedy)


#: What the library says of a value, and what we say.
_WORDS = (
    (r"Value error, ", ""),
    (r"Input should be a valid number, .*", "must be a number"),
    (r"Input should be a valid integer, .*", "must be a whole number"),
    (r"Input should be greater than or equal to (\S+)", r"must be at least \1"),
    (r"Input should be less than or equal to (\S+)", r"must be at most \1"),
    (r"Input should be greater than (\S+)", r"must be more than \1"),
    (r"Input should be less than (\S+)", r"must be less than \1"),
)


def _plain(message: str) -> str:
    for theirs, ours in _WORDS:
        message = re.sub(theirs, ours, message)
    return message
