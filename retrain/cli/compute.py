"""`retrain compute …`: what exists in Batch this moment; between runs it should be nothing."""

import typer

from retrain.cli.options import AsJson, ProfileName, connect
from retrain.cli.output import put_json

app = typer.Typer(no_args_is_help=True, help="What compute exists right now.")


@app.command("list")
def list_(as_json: AsJson = False, profile: ProfileName = None) -> None:
    """List the pools and jobs in Batch that belong to Retrain."""
    with connect(profile) as client:
        found = client.compute()
    if as_json:
        put_json(found)
        return
    from retrain.cli import render

    render.compute(found)
