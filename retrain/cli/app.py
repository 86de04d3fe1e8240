"""The tree of commands."""

from importlib import metadata

import typer

from retrain.cli import (
    compute,
    data,
    datastores,
    dead_letters,
    draining,
    environments,
    jobs,
    login,
    metrics,
    models,
    profiles,
    schedules,
    schema,
    stack,
)
from retrain.cli.ending import RootGroup
from retrain.cli.options import AsJson
from retrain.cli.output import put, put_json

app = typer.Typer(
    name="retrain",
    cls=RootGroup,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help and errors: rich would cost half of the start-up
    pretty_exceptions_enable=False,
    help="Train models when something happens, on compute that exists only meanwhile.",
)
app.command()(stack.up)
app.command()(stack.demo)
app.command()(login.login)
app.command()(schema.schema)
app.command("mlflow")(metrics.access)
jobs.app.command("metrics")(metrics.show)
compute.app.command()(draining.drain)
compute.app.command()(draining.resume)
app.add_typer(jobs.app, name="job")
app.add_typer(schedules.app, name="schedule")
app.add_typer(data.app, name="data")
app.add_typer(environments.app, name="environment")
app.add_typer(models.app, name="model")
app.add_typer(datastores.app, name="datastore")
app.add_typer(compute.app, name="compute")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(profiles.app, name="profile")


@app.command()
def version(as_json: AsJson = False) -> None:
    """Print the version."""
    number = metadata.version("retrain")
    if as_json:
        put_json({"version": number})
    else:
        put(number)
