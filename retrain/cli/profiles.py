"""`retrain profile …`: which Retrain to talk to, and with which key."""

import sys
from typing import Annotated

import typer

from retrain import profile as profiles
from retrain.cli.options import AsJson, CodeMaxFiles, CodeMaxMb
from retrain.cli.output import note, put, put_json

app = typer.Typer(no_args_is_help=True, help="Which Retrain to talk to, and with which key.")
Name = Annotated[str, typer.Argument(help="The profile's name.", metavar="NAME")]


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show the profiles, the one in use with a star. Keys are not shown."""
    found = profiles.read()
    if as_json:
        shown = [
            {"name": one.name, "endpoint": one.endpoint, "has_key": bool(one.key)}
            for one in found.by_name.values()
        ]
        file = str(profiles.config_file())
        put_json({"file": file, "current": found.current, "profiles": shown})
        return
    if not found.by_name:
        note("There are no profiles: `retrain up` makes one for the stack that it starts,")
        note("`retrain profile set NAME --endpoint URL` one for any other.")
        return
    for name, one in sorted(found.by_name.items()):
        star = "*" if name == found.current else " "
        put(f"{star} {name}  {one.endpoint}  {'with a key' if one.key else 'without a key'}")
    note(f"From {profiles.config_file()}")


@app.command()
def use(name: Name, as_json: AsJson = False) -> None:
    """Talk to this profile's endpoint from now on."""
    chosen = profiles.use(name)
    if as_json:
        put_json({"current": chosen.name, "endpoint": chosen.endpoint})
    else:
        put(f"In use: {chosen.name}  {chosen.endpoint}")


@app.command("set")
def set_(
    name: Name,
    endpoint: Annotated[str, typer.Option(help="https://<app>.azurewebsites.net", metavar="URL")],
    key: Annotated[
        str | None,
        typer.Option(help="The function key; `-` reads it from stdin. Asked for when left out."),
    ] = None,
    code_max_mb: CodeMaxMb = None,
    code_max_files: CodeMaxFiles = None,
    as_json: AsJson = False,
) -> None:
    """Store an endpoint, its key and limits, in place of what the profile held."""
    from retrain.client.connection import checked_endpoint

    address = checked_endpoint(endpoint)
    made = profiles.Profile(name, address, _key(key), code_max_mb, code_max_files)
    file = profiles.save(made)
    if as_json:
        put_json({"name": name, "endpoint": address, "file": str(file)})
    else:
        put(f"Stored {name} in {file}.")


def _key(given: str | None) -> str:
    if given == "-":
        return sys.stdin.readline().strip()
    if given is None and sys.stdin.isatty():
        return str(typer.prompt("Key", default="", hide_input=True, show_default=False, err=True))
    return given or ""
