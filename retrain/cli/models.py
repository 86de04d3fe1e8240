"""`retrain model …`: trained models under names and versions."""

from pathlib import Path
from typing import Annotated

import typer

from retrain.cli import assets
from retrain.cli.assets import Archived, Reference, WithLineage
from retrain.cli.options import AsJson, File, ProfileName, Settings, connect
from retrain.cli.output import put, put_json

_KIND = "models"
app = typer.Typer(no_args_is_help=True, help="Register models, find them, fetch them.")


@app.command()
def create(
    file: File, settings: Settings = None, as_json: AsJson = False, profile: ProfileName = None
) -> None:
    """Register the model in FILE as a new version; prints its reference."""
    assets.create(_KIND, file, settings, profile, as_json=as_json)


@app.command("list")
def list_(archived: Archived = False, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """List the models by name."""
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
def download(
    name: Reference,
    folder: Annotated[
        Path | None,
        typer.Option("--path", "-p", help="Into this folder (./NAME-VERSION).", metavar="DIR"),
    ] = None,
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """Download a version's files; files of the same name are replaced."""
    assets.download(_KIND, name, folder, profile, as_json=as_json)


@app.command()
def label(
    name: Reference,
    label: Annotated[str, typer.Argument(help="Such as champion.", metavar="LABEL")],
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """Let LABEL stand for this version: NAME@LABEL."""
    with connect(profile) as client:
        client.label_asset(_KIND, name, label)
        asset = client.get_asset(_KIND, f"{name.partition(':')[0].partition('@')[0]}@{label}")
    if as_json:
        put_json(asset)
    else:
        put(f"{asset['name']}@{label} is version {asset['version']}.")


@app.command()
def archive(name: Reference, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Leave a version, or a name with all of its versions, out of lists and of @latest."""
    assets.archive(_KIND, name, profile, back=False, as_json=as_json)


@app.command()
def restore(name: Reference, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Undo `archive`."""
    assets.archive(_KIND, name, profile, back=True, as_json=as_json)
