"""`retrain schedule …`: standing orders that start runs when a file lands or a time comes."""

from pathlib import Path
from typing import Annotated, Any

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
def enable(name: ScheduleName, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Let a schedule start runs from now on."""
    with connect(profile) as client:
        found = client.enable_schedule(name)
    _told(found, f"Enabled {name}.", as_json=as_json)


@app.command()
def disable(name: ScheduleName, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Keep a schedule, but let it start nothing."""
    with connect(profile) as client:
        found = client.disable_schedule(name)
    _told(found, f"Disabled {name}.", as_json=as_json)


@app.command()
def trigger(
    name: ScheduleName,
    path: Annotated[
        str | None, typer.Option(help="The file that the run is for.", metavar="PATH")
    ] = None,
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """Start a schedule's run now; prints its name. Files that wait for others are its files."""
    with connect(profile) as client:
        run = client.trigger_schedule(name, path)
    _told({**run}, run["name"], as_json=as_json)


@app.command()
def preview(
    name: Annotated[
        str | None, typer.Argument(help="The schedule's name.", metavar="[NAME]")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="A file, not sent anywhere.", metavar="FILE"),
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=1000, help="How many times.")] = 10,
    settings: Settings = None,
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """Show when a schedule is due next, by UTC and by its own clock."""
    from retrain.cli import render

    if (name is None) == (file is None):
        raise typer.BadParameter("give a schedule's name, or a file with -f", param_hint="NAME")
    if file is not None:
        from retrain.schedule_preview import preview_of

        shown, ticks = preview_of(file, parse_settings(settings), count)
    else:
        with connect(profile) as client:
            shown = client.get_schedule(str(name))
            ticks = client.preview_schedule(str(name), count)
    if as_json:
        put_json(ticks)
        return
    render.preview(shown, ticks)


@app.command()
def delete(name: ScheduleName, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Delete a schedule; the runs that it started go on."""
    with connect(profile) as client:
        client.delete_schedule(name)
    if as_json:
        put_json({"name": name, "deleted": True})
    else:
        put(f"Deleted {name}.")


def _told(answer: dict[str, Any], line: str, *, as_json: bool) -> None:
    if as_json:
        put_json(answer)
    else:
        put(line)
