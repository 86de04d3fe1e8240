"""`retrain schedule …`: standing orders that start runs when a file lands or a time comes."""

import typer

from retrain.cli.options import (
    AsJson,
    CodeMaxFiles,
    CodeMaxMb,
    File,
    ProfileName,
    ScheduleName,
    Settings,
    connect,
    parse_settings,
)
from retrain.cli.output import note, put, put_json

app = typer.Typer(
    no_args_is_help=True, help="Standing orders: run a job when data lands or at times."
)


@app.command()
def create(
    file: File,
    settings: Settings = None,
    code_max_mb: CodeMaxMb = None,
    code_max_files: CodeMaxFiles = None,
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """Create the schedule in FILE, or replace the one of its name; prints its name."""
    from retrain.cli import render
    from retrain.cli.progress import Bars
    from retrain.code_limits import code_limits
    from retrain.jobfile import read_schedule
    from retrain.profile import choose
    from retrain.submit import put_schedule

    schedule = read_schedule(file, parse_settings(settings))
    limits = code_limits(choose(profile), code_max_mb, code_max_files)
    with connect(profile) as client:
        created = put_schedule(client, schedule, Bars(json=as_json), limits)
    if as_json:
        put_json(created)
        return
    put(created["name"])
    note(f"It waits for: {render.trigger(created)}")


@app.command("list")
def list_(as_json: AsJson = False, profile: ProfileName = None) -> None:
    """List the schedules."""
    with connect(profile) as client:
        found = client.list_schedules()
    if as_json:
        put_json(found)
        return
    from retrain.cli import render

    render.schedules(found)


@app.command()
def show(name: ScheduleName, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Show a schedule and the job it creates."""
    with connect(profile) as client:
        found = client.get_schedule(name)
    if as_json:
        put_json(found)
        return
    from retrain.cli import render

    render.schedule(found)


@app.command()
def delete(name: ScheduleName, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Delete a schedule; the runs that it started go on."""
    with connect(profile) as client:
        client.delete_schedule(name)
    if as_json:
        put_json({"name": name, "deleted": True})
    else:
        put(f"Deleted {name}.")
