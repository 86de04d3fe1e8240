"""What several commands take, and what they do with it."""

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
    from retrain.profile import choose

    chosen = choose(profile)
    return Client(chosen.endpoint, chosen.key)


def parse_settings(settings: list[str] | None) -> dict[str, str]:
    """Split `name=value` texts; raises BadParameter for one without `=`."""
    pairs = [setting.partition("=") for setting in settings or ()]
    for name, equals, _ in pairs:
        if not equals or not name:
            raise typer.BadParameter(f"'{name}' is not of the form field=value", param_hint="--set")
    return {name: value for name, _, value in pairs}
