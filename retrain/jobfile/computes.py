"""Compute files, and computes that are written on the command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from retrain.jobfile.errors import JobFileError, located
from retrain.jobfile.overrides import overridden
from retrain.jobfile.places import Place
from retrain.jobfile.source import Source, read_source
from shared.jobs import InvalidDocument, dump, parse_document

#: Stands where a file's name would, when there is none.
COMMAND_LINE: Final = Path("command line")


def read_compute(
    path: Path | None, overrides: Mapping[str, str], options: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The compute in the file (None: only what the command line says), with the overrides on top.

    options: how each field that can be overridden is written. Raises JobFileError.
    """
    source = read_source(path) if path else Source(COMMAND_LINE, {}, {(): Place(COMMAND_LINE)})
    source = overridden(source, overrides, options)
    try:
        return dump(parse_document(source.document, "compute"))
    except InvalidDocument as error:
        raise JobFileError(source.path, located(error.problems, source.places)) from None
