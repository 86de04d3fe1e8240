"""`retrain data …`: files for the data container, and data under names and versions."""

from pathlib import Path
from typing import Annotated

import typer

from retrain.cli import assets
from retrain.cli.assets import Archived, Reference, WithLineage
from retrain.cli.options import AsJson, File, ProfileName, Settings, connect
from retrain.cli.output import put, put_json

_KIND = "data"
app = typer.Typer(no_args_is_help=True, help="Upload data, register it, find it again.")


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


@app.command()
def create(
    file: File, settings: Settings = None, as_json: AsJson = False, profile: ProfileName = None
) -> None:
    """Register the data in FILE as a new version; prints its reference."""
    assets.create(_KIND, file, settings, profile, as_json=as_json)


@app.command("list")
def list_(archived: Archived = False, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """List registered data by name."""
    assets.list_(_KIND, profile, archived=archived, as_json=as_json)


@app.command()
def show(
    name: Reference,
    lineage: WithLineage = False,
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """Show a version: where it is, which content it has, its labels."""
    assets.show(_KIND, name, profile, lineage=lineage, as_json=as_json)


@app.command()
def archive(name: Reference, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Leave a version, or a name with all of its versions, out of lists and of @latest."""
    assets.archive(_KIND, name, profile, back=False, as_json=as_json)


@app.command()
def restore(name: Reference, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Undo `archive`."""
    assets.archive(_KIND, name, profile, back=True, as_json=as_json)
