"""`retrain job …`: create runs, look at them, end them, fetch what they left."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retrain.cli.draining import HELD
from retrain.cli.options import (
    AsJson,
    CodeMaxFiles,
    CodeMaxMb,
    File,
    ProfileName,
    RunName,
    Settings,
    connect,
    parse_settings,
)
from retrain.cli.output import note, put, put_json
from retrain.cli.validate import validate
from shared.domain.status import Status

if TYPE_CHECKING:
    from retrain.client import Client, OutputFile

app = typer.Typer(no_args_is_help=True, help="Create runs, follow them, fetch what they left.")


@app.command()
def create(
    file: File,
    settings: Settings = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Display name of the run.", metavar="TEXT")
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Show its log until it ends.")] = False,
    code_max_mb: CodeMaxMb = None,
    code_max_files: CodeMaxFiles = None,
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """Start a run of the job in FILE; prints the run's name."""
    asked_at = datetime.now(UTC)
    from retrain.cli.live import stream as show_live
    from retrain.cli.progress import Bars
    from retrain.code_limits import code_limits
    from retrain.jobfile import read_job
    from retrain.profile import choose
    from retrain.submit import submit

    job = read_job(file, parse_settings(settings))
    if name:
        job = replace(job, document={**job.document, "display_name": name})
    limits = code_limits(choose(profile), code_max_mb, code_max_files)
    with connect(profile) as client:
        run = submit(client, job, Bars(json=as_json), asked_at, limits)
        if stream:
            if not as_json:
                note(f"Run {run['name']}")
            raise typer.Exit(show_live(client, run["name"], json=as_json))
    if as_json:
        put_json(run)
        return
    put(run["name"])
    note(f"See it with `retrain job stream {run['name']}`.")


app.command()(validate)


@app.command("list")
def list_(
    status: Annotated[
        list[str] | None,
        typer.Option(help="Only runs of this status, such as Failed. May repeat."),
    ] = None,
    experiment: Annotated[
        str | None, typer.Option(help="Only runs of this experiment.", metavar="NAME")
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(help="Only runs that this schedule started.", metavar="NAME")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """List runs, newest first."""
    statuses = [_status(word) for word in status or ()]
    with connect(profile) as client:
        found = list(client.list_jobs(statuses, experiment, limit, schedule))
        health = None if as_json else client.health()
        full = health is not None and len(found) == limit
        more = client.count_jobs(statuses, experiment, schedule) - limit if full else 0
    if health is None:
        put_json(found)
        return
    from retrain.cli import render

    render.runs(found)
    if more > 0:
        there = "is 1" if more == 1 else f"are {more:,}"
        note(f"The newest {limit}; there {there} more: --limit, --status, --schedule.")
    if health.get("compute") == "held":
        note(HELD)
    if dead := health.get("dead_letters"):
        note(f"Messages that could not be processed: {dead}; see `retrain dead-letters list`.")


def _status(word: str) -> str:
    known = {str(status.value).lower(): str(status.value) for status in Status}
    if word.lower() not in known:
        message = f"'{word}' is no status; there are: {', '.join(known.values())}"
        raise typer.BadParameter(message, param_hint="--status")
    return known[word.lower()]


@app.command()
def show(
    name: RunName,
    lineage: Annotated[
        bool, typer.Option("--lineage", help="What it read and wrote, and who else did.")
    ] = False,
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """Show a run: its timeline, its error, its metrics, its files."""
    with connect(profile) as client:
        run = client.get_job(name)
        files = client.outputs(name)
        scores = client.metrics(name)
        told = client.job_lineage(name) if lineage else None
    if as_json:
        put_json(
            {**run, "files": files, "metrics": scores["metrics"]}
            | ({"lineage": told} if told else {})
        )
        return
    from retrain.cli import metrics, render, render_assets

    render.run(run, files, metrics.rows(scores["metrics"]))
    if told:
        render_assets.run_lineage(told)


@app.command()
def stream(name: RunName, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Show a run's log and status until it ends. Exit code: 0 Completed, 1 Failed or Canceled."""
    with connect(profile) as client:
        from retrain.cli.live import stream as show_live

        raise typer.Exit(show_live(client, name, json=as_json))


@app.command()
def cancel(name: RunName, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Ask for a run to end."""
    with connect(profile) as client:
        run = client.cancel(name)
    if as_json:
        put_json(run)
    else:
        put(f"{run['name']}  {run['status']}")


@app.command()
def download(
    name: RunName,
    folder: Annotated[
        Path | None,
        typer.Option("--path", "-p", help="Into this folder (default: ./NAME).", metavar="DIR"),
    ] = None,
    attempt: Annotated[
        int | None,
        typer.Option(min=1, help="Of this attempt (default: the last).", metavar="N"),
    ] = None,
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """Download a run's outputs and logs; files of the same name are replaced."""
    from retrain.cli.progress import Bars

    with connect(profile) as client:
        files = _files_to_fetch(client, name, attempt)
        target = folder or Path(name)
        what, size = f"{len(files)} files of {name}", sum(file["size"] for file in files)
        with Bars(json=as_json).moving(what, size, "Downloaded") as progress:
            written = client.download(name, target, progress, files, attempt)
    if as_json:
        put_json({"folder": str(target), "files": [str(path) for path in written]})
        return
    for path in written:
        put(str(path))


def _files_to_fetch(client: "Client", name: str, attempt: int | None) -> "list[OutputFile]":
    from retrain.client import FINAL, ClientError

    run = client.get_job(name)
    files = client.outputs(name, attempt)
    if files or attempt or run["status"] in FINAL:
        return files
    raise ClientError(
        f"The run has no files yet: it is {run['status']}, and files are kept when it ends.",
        remedy=f"Wait for it with `retrain job stream {name}`.",
    )
