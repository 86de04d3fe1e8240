"""`retrain datastore …`: containers of one's own, under short names."""

from typing import Annotated

import typer

from retrain.cli.options import AsJson, File, ProfileName, Settings, connect, parse_settings
from retrain.cli.output import note, put, put_json

app = typer.Typer(
    no_args_is_help=True, help="Names for containers: azureml://datastores/NAME/paths/…"
)
StoreName = Annotated[str, typer.Argument(help="The datastore's name.", metavar="NAME")]


@app.command()
def create(
    file: File, settings: Settings = None, as_json: AsJson = False, profile: ProfileName = None
) -> None:
    """Create the datastore in FILE, or replace the one of its name; prints its name."""
    from retrain.jobfile import read_datastore

    document = read_datastore(file, parse_settings(settings))
    with connect(profile) as client:
        created = client.create_datastore(document)
    if as_json:
        put_json(created)
        return
    put(created["name"])
    note(f"Its paths are azureml://datastores/{created['name']}/paths/<path>.")


@app.command("list")
def list_(as_json: AsJson = False, profile: ProfileName = None) -> None:
    """List the datastores that somebody created; the built-in ones are always there."""
    with connect(profile) as client:
        found = client.list_datastores()
    if as_json:
        put_json(found)
        return
    from retrain.cli import render_assets

    render_assets.datastores(found)


@app.command()
def show(name: StoreName, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Show a datastore."""
    with connect(profile) as client:
        found = client.get_datastore(name)
    if as_json:
        put_json(found)
        return
    from retrain.cli import render_assets

    render_assets.datastore(found)


@app.command()
def delete(name: StoreName, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Delete a datastore; its data stays where it is."""
    with connect(profile) as client:
        client.delete_datastore(name)
    if as_json:
        put_json({"name": name, "deleted": True})
    else:
        put(f"Deleted {name}.")
