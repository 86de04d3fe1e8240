"""`retrain environment …`: register environments, look at them, build their images."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrain.cli.options import AsJson, File, ProfileName, connect
from retrain.cli.output import note, put, put_json

if TYPE_CHECKING:
    from retrain.client import Client
    from retrain.jobfile import EnvironmentFile
    from retrain.problem import Problem

app = typer.Typer(
    no_args_is_help=True, help="Images that jobs run in: register, look at, build, archive."
)
_Name = Annotated[
    str, typer.Argument(help="The name, NAME:VERSION or NAME@LABEL.", metavar="NAME[:VERSION]")
]
_LOOKS = 0.3  # seconds between two looks at a build


@app.command()
def create(file: File, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Register the environment in FILE; prints what jobs call it. Versions never change."""
    from retrain.jobfile import read_environment

    environment = read_environment(file)
    with connect(profile) as client:
        created = client.create_environment(_sent(client, environment, as_json=as_json))
    if as_json:
        put_json(created)
        return
    put(f"azureml:{created['name']}:{created['version']}")


@app.command("list")
def list_(
    archived: Annotated[bool, typer.Option("--archived", help="Those put away, too.")] = False,
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """List the registered environments."""
    with connect(profile) as client:
        found = [one for one in client.list_environments() if archived or not one["archived"]]
    if as_json:
        put_json(found)
        return
    from retrain.cli import render

    render.assets(found)


@app.command()
def show(name: _Name, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Show an environment: what it is made of, and the last build of its image."""
    plain, version, label = _parted(name)
    with connect(profile) as client:
        found = client.get_environment(plain, version, label)
    if as_json:
        put_json(found)
        return
    from retrain.cli import render

    render.environment(found)


@app.command()
def build(
    name: Annotated[
        str | None, typer.Argument(help="A registered one: NAME, NAME:VERSION.", metavar="[NAME]")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", "-f", help="Or an environment file.", metavar="FILE")
    ] = None,
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """Build the image unless it is there, showing what the build says; prints the image's name.

    Exit code: 0 when the image is there, 1 when it could not be built.
    """
    from pathlib import Path

    from retrain.jobfile import read_environment

    if (name is None) == (file is None):
        raise typer.BadParameter("give a registered name, or a file with -f", param_hint="NAME")
    written = read_environment(Path(file)) if file is not None else None
    with connect(profile) as client:
        asked = _sent(client, written, as_json=as_json) if written else _reference(name or "")
        state = _build(client, asked, quiet=as_json)
    if as_json:
        put_json(state)
    elif state["state"] == "ready":
        put(state["image"])
    if state["state"] == "failed":
        raise _failure(state, written)


@app.command()
def log(
    which: Annotated[
        str, typer.Argument(help="NAME, NAME:VERSION, or a key of 64 digits.", metavar="NAME|KEY")
    ],
    profile: ProfileName = None,
) -> None:
    """Print what the last build of an environment's image said."""
    import re

    from retrain.client import ClientError

    with connect(profile) as client:
        key = which if re.fullmatch("[0-9a-f]{64}", which) else None
        key = key or client.get_environment(*_parted(which))["key"]
        offset, chunk = 0, client.build_log(key)
        if not chunk.data:
            raise ClientError(
                "Nothing has been built for it.",
                remedy="It may have been found in a registry. `retrain environment build` builds.",
            )
        while chunk.data:
            sys.stdout.write(chunk.data.decode(errors="replace"))
            offset = chunk.next_offset
            chunk = client.build_log(key, offset)


@app.command()
def archive(
    name: _Name,
    back: Annotated[bool, typer.Option("--back", hidden=True)] = False,  # of old; see restore
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """Leave a version, or a name with all of its versions, out of lists and of @latest."""
    _archive(name, profile, back=back, as_json=as_json)


@app.command()
def restore(name: _Name, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Undo `archive`."""
    _archive(name, profile, back=True, as_json=as_json)


def _archive(name: str, profile: str | None, *, back: bool, as_json: bool) -> None:
    plain, version, label = _parted(name)
    if label:
        raise typer.BadParameter("give a version, not a label", param_hint="NAME")
    with connect(profile) as client:
        client.archive_environment(plain, version, back=back)
    if as_json:
        put_json({"name": plain, "version": version or None, "archived": not back})
        return
    put(f"{'Restored' if back else 'Archived'} {name}.")
    if not back:
        note("It can still be named, and `restore` brings it back.")


def _sent(client: "Client", file: "EnvironmentFile", *, as_json: bool) -> dict[str, Any]:
    """The document, with its build context uploaded."""
    from retrain.cli.progress import Bars
    from retrain.submit import with_context

    if file.context is None:
        return file.document
    return with_context(client, file.document, file.context, Bars(json=as_json))


def _build(client: "Client", asked: dict[str, Any] | str, *, quiet: bool) -> dict[str, Any]:
    """Ask until it is built or has failed, showing the log meanwhile. No log of an earlier build:
    an image that is there already has nothing to say."""
    state, look, offset = client.build_environment(asked), 0, 0
    while state["state"] == "building" or (look == 0 and state["state"] == "failed"):
        offset = _show_log(client, state["key"], offset, quiet=quiet)
        if state["state"] == "failed":
            break
        time.sleep(_LOOKS)
        look += 1
        state = client.build_environment(asked, look)
    if look:
        _show_log(client, state["key"], offset, quiet=quiet)
    return state


def _show_log(client: "Client", key: str, offset: int, *, quiet: bool) -> int:
    chunk = client.build_log(key, offset)
    while chunk.data:
        if not quiet:
            sys.stderr.write(chunk.data.decode(errors="replace"))
            sys.stderr.flush()
        offset = chunk.next_offset
        chunk = client.build_log(key, offset)
    return offset


def _failure(state: dict[str, Any], file: "EnvironmentFile | None") -> "Problem":
    """Packages that can't be had are told with their lines, as other faults of a file are."""
    from retrain.jobfile import JobFileError
    from retrain.problem import Problem

    blamed = file.blamed(state["reason"]) if file else []
    failure = Problem(
        state["reason"], f"`retrain environment log {state['key']}` shows the whole log."
    )
    if file is not None and blamed:
        failure = JobFileError(file.path, blamed)
        failure.exit_code = 1  # the file is right; what it asks for can't be had
    failure.code = "EnvironmentBuildFailed"
    return failure


def _reference(name: str) -> str:
    return name if name.startswith("azureml:") else f"azureml:{name}"


def _parted(name: str) -> tuple[str, str, str]:
    """Name, version and label, the latter two as far as they are given."""
    plain = name.removeprefix("azureml:")
    if "@" in plain:
        before, _, label = plain.partition("@")
        return before, "", label
    before, _, version = plain.partition(":")
    return before, version, ""
