"""`retrain data …`: files for the data container, where schedules watch."""

from pathlib import Path
from typing import Annotated

import typer

from retrain.cli.options import AsJson, ProfileName, connect
from retrain.cli.output import put, put_json

app = typer.Typer(no_args_is_help=True, help="Upload data; a schedule may be waiting for it.")


@app.command()
def upload(
    path: Annotated[Path, typer.Argument(help="A file or a folder.", metavar="PATH")],
    to: Annotated[
        str | None,
        typer.Option(help="Where to, such as wine/new.csv, or wine/ for a folder.", metavar="PATH"),
    ] = None,
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """Upload a file or a folder; prints the uri of each file, for a job's inputs."""
    from retrain.cli.progress import Bars
    from retrain.submit import size_of

    with connect(profile) as client, Bars(json=as_json).moving(str(path), size_of(path)) as moved:
        uris = client.upload_data(path, to, moved)
    if as_json:
        put_json({"uris": uris})
        return
    for uri in uris:
        put(uri)
