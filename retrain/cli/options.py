"""What several commands take, and what they do with it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from retrain.client import Client

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ProfileName = Annotated[
    str | None, typer.Option("--profile", help="Talk to this profile's endpoint.", metavar="NAME")
]
RunName = Annotated[str, typer.Argument(help="The run's name.", metavar="NAME")]
ScheduleName = Annotated[str, typer.Argument(help="The schedule's name.", metavar="NAME")]
File = Annotated[Path, typer.Option("--file", "-f", help="The YAML or JSON file.", metavar="FILE")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="Set a field of the file: inputs.x=1. May repeat.", metavar="F=V"),
]
CodeMaxMb = Annotated[
    float | None,
    typer.Option(min=0.001, help="Most code that may travel, in MB (300).", metavar="MB"),
]
CodeMaxFiles = Annotated[
    int | None,
    typer.Option(min=1, help="Most files of code that may travel (2000).", metavar="N"),
]


def connect(profile: str | None) -> "Client":
    """Return a client for the profile in use; use it in a `with` block."""
    from retrain.client import Client

    return Client(profile=profile)


@contextmanager
def in_options(options: Mapping[str, str]) -> Iterator[None]:
    """What the service says of fields that were given as options, it says of the options.

    options: how each field is written on the command line.
    """
    from retrain.client import ApiError

    try:
        yield
    except ApiError as error:
        if not error.details or any(one["field"] not in options for one in error.details):
            raise
        said = [f"{options[one['field']]}: {one['message']}" for one in error.details]
        message = "; ".join(said)
        raise ApiError(error.status, error.code, message, error.remedy, error.details) from None


def parse_settings(settings: list[str] | None) -> dict[str, str]:
    """Split `name=value` texts; raises BadParameter for one without `=`."""
    pairs = [setting.partition("=") for setting in settings or ()]
    for name, equals, _ in pairs:
        if not equals or not name:
            raise typer.BadParameter(f"'{name}' is not of the form field=value", param_hint="--set")
    return {name: value for name, _, value in pairs}
