"""`retrain compute …`: named computes, and what exists in Batch this moment."""

from pathlib import Path
from typing import Annotated, Any

import typer

from retrain.cli.options import AsJson, ProfileName, connect, in_options
from retrain.cli.output import note, put, put_json

app = typer.Typer(
    no_args_is_help=True, help="Nodes that runs share, and what compute exists right now."
)

Name = Annotated[str, typer.Argument(help="The compute's name.", metavar="NAME")]
_File = Annotated[
    Path | None, typer.Option("--file", "-f", help="The YAML or JSON file.", metavar="FILE")
]
_Min = Annotated[int | None, typer.Option("--min-instances", help="Nodes kept without work.")]
_Max = Annotated[int | None, typer.Option("--max-instances", help="Most nodes at once.")]
_Idle = Annotated[
    int | None,
    typer.Option(
        "--idle-time-before-scale-down", help="Seconds without work before nodes are given back."
    ),
]
#: A compute's fields as they are written on the command line.
_OPTIONS = {
    "name": "--name",
    "type": "--type",
    "size": "--size",
    "tier": "--tier",
    "min_instances": "--min-instances",
    "max_instances": "--max-instances",
    "idle_time_before_scale_down": "--idle-time-before-scale-down",
}


@app.command()
def create(
    file: _File = None,
    name: Annotated[str | None, typer.Option("--name", "-n", help="The compute's name.")] = None,
    kind: Annotated[str | None, typer.Option("--type", "-t", help="amlcompute.")] = None,
    size: Annotated[str | None, typer.Option("--size", help="VM size: Standard_D2s_v3.")] = None,
    min_instances: _Min = None,
    max_instances: _Max = None,
    idle_time: _Idle = None,
    tier: Annotated[str | None, typer.Option("--tier", help="dedicated or low_priority.")] = None,
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """Create the compute in FILE or of these options, which win; prints its name.

    One of that name gets the new numbers of nodes; its VM size and tier can't be changed.
    """
    from retrain.jobfile.computes import read_compute

    if file is None and name is None:
        raise typer.BadParameter("give a file, or a name", param_hint="--file or --name")
    words = {"name": name, "type": kind, "size": size, "tier": tier}
    given = words | _numbers(min_instances, max_instances, idle_time)
    texts = {field: str(value) for field, value in given.items() if value is not None}
    document = read_compute(file, texts, _OPTIONS)
    with connect(profile) as client, in_options(_OPTIONS if file is None else {}):
        created = client.create_compute(document)
    _told(created, as_json)


@app.command()
def update(
    name: Name,
    min_instances: _Min = None,
    max_instances: _Max = None,
    idle_time: _Idle = None,
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """Change how many nodes the compute has at least and at most, and for how long."""
    numbers = _numbers(min_instances, max_instances, idle_time)
    changes = {field: value for field, value in numbers.items() if value is not None}
    if not changes:
        raise typer.BadParameter("give at least one", param_hint="--min-instances, --max-instances")
    with connect(profile) as client, in_options(_OPTIONS):
        changed = client.update_compute(name, changes)
    _told(changed, as_json)


@app.command("list")
def list_(as_json: AsJson = False, profile: ProfileName = None) -> None:
    """List the computes with their nodes, and the jobs and pools in Batch that runs have now."""
    with connect(profile) as client:
        found = {"computes": client.list_computes(), **client.compute()}
        found["limits"] = client.compute_limits()
    if as_json:
        put_json(found)
        return
    from retrain.cli import render

    render.compute(found)


@app.command()
def show(name: Name, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Show a compute: what its nodes are, how many there are, and why there are no more."""
    with connect(profile) as client:
        found = client.get_compute(name)
    if as_json:
        put_json(found)
        return
    from retrain.cli import render

    render.one_compute(found)


@app.command()
def delete(name: Name, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Delete a compute with its nodes; refused while runs use it."""
    from retrain.client import ApiError

    with connect(profile) as client:
        missing = None
        try:
            client.get_compute(name)
        except ApiError as error:
            missing = error
        client.delete_compute(name)  # in any case: its pool may be left
        if missing:
            raise missing
    if as_json:
        put_json({"name": name, "deleted": True})
    else:
        put(f"Deleted {name}.")


def _numbers(least: int | None, most: int | None, idle: int | None) -> dict[str, Any]:
    return {
        "min_instances": least,
        "max_instances": most,
        "idle_time_before_scale_down": idle,
    }


def _told(compute: dict[str, Any], as_json: bool) -> None:
    if as_json:
        put_json(compute)
        return
    put(compute["name"])
    note(
        f"It has {compute['min_instances']} to {compute['max_instances']} nodes of "
        f"{compute.get('size') or 'the default size'}; jobs say "
        f"`compute: azureml:{compute['name']}`."
    )
