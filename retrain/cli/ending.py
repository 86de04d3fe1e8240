"""How a command ends: 0 done, 1 failed, 2 wrong usage or a bad file, 130 stopped with Ctrl-C.

An error is a line on stderr and, when something can be done, a second one that says what. There is
no traceback: what nobody foresaw is one line too, and RETRAIN_DEBUG=1 shows the rest.
"""

import os
import sys
import traceback
from collections.abc import Sequence
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
            result = explain(error)
        if not standalone_mode:
            return result
        sys.exit(result if isinstance(result, int) else 0)


def explain(error: Exception) -> int:
    """Tell the error on stderr and return the exit code that it stands for."""
    if os.environ.get("RETRAIN_DEBUG") and not isinstance(error, typer.TyperException):
        traceback.print_exception(error)
    match error:
        case Problem():
            _problem(error)
            return error.exit_code
        case typer.TyperException():
            _usage(error)
            return error.exit_code
        case typer.Abort():
            note("Stopped.")
            return INTERRUPTED
        case OSError():
            what = f"{error.filename}: " if error.filename else ""
            note(f"error: {what}{error.strerror or error}")
            return 1
        case _:
            note(f"error: this is a bug in retrain: {type(error).__name__}: {error}")
            note("RETRAIN_DEBUG=1 shows where; please report it.")
            return 1


def _problem(error: Problem) -> None:
    # a job file's faults stand for themselves: file:line:column, for editors to jump to
    note(error.message if hasattr(error, "problems") else f"error: {error.message}")
    for detail in getattr(error, "details", ())[:DETAILS_SHOWN]:
        if detail["field"] in error.message and detail["message"] in error.message:
            continue  # said already
        note(f"  {detail['field']}: {detail['message']}" if detail["field"] else detail["message"])
    if error.remedy:
        note(error.remedy)


def _usage(error: typer.TyperException) -> None:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help itself
        note(error.format_message())
        return
    note(f"error: {error.format_message()}")
    if context is not None:
        note(f"Try `{context.command_path} --help`.")
