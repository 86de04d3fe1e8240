"""`retrain schema KIND`: the JSON Schema of a kind of file, for editors."""

from pathlib import Path
from typing import Annotated

import typer

from retrain.cli.output import note, put, put_json

Kind = Annotated[
    str | None,
    typer.Argument(help="job, component, schedule, environment, data, model, …", metavar="KIND"),
]
Into = Annotated[
    Path | None, typer.Option(help="Write the schemas of all kinds into it.", metavar="DIR")
]


def schema(kind: Kind = None, into: Into = None) -> None:
    """Print the JSON Schema of a kind of file; an editor then completes and checks.

    Name it in a file's first line: # yaml-language-server: $schema=job.schema.json
    """
    from shared.jobs import KINDS
    from shared.jobs.schema import json_schema

    if into is not None and kind is None:
        _write_all(into)
        return
    if kind is None or into is not None:
        raise typer.BadParameter("give a KIND, or --into DIR for all", param_hint="KIND")
    if kind not in KINDS:
        message = f"there is no '{kind}'; the kinds are: {', '.join(KINDS)}"
        raise typer.BadParameter(message, param_hint="KIND")
    put_json(json_schema(kind))


def _write_all(folder: Path) -> None:
    from shared.jobs import KINDS
    from shared.jobs.schema import json_schema, written

    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        path = folder / f"{kind}.schema.json"
        path.write_text(written(json_schema(kind)), encoding="utf-8")
        put(str(path))
    note("An editor reads one that a file names: # yaml-language-server: $schema=…")
