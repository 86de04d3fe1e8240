"""`retrain login`: talk to what azd deployed."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from retrain import profile as profiles
from retrain.cli.options import AsJson
from retrain.cli.output import put, put_json


def login(
    environment: Annotated[
        str | None, typer.Option(help="The azd environment; azd's default one.", metavar="NAME")
    ] = None,
    folder: Annotated[Path, typer.Option(help="Where `azd up` was run.", metavar="DIR")] = Path(),
    profile: Annotated[
        str | None, typer.Option(help="The profile's name; the environment's.", metavar="NAME")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="The function key, `-` from stdin; else the Azure CLI is asked."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Store a profile for what `azd up` deployed, and use it from now on."""
    from retrain.client import Client
    from retrain.client.sign_in import SignIn
    from retrain.deployment import function_key, read

    found = read(folder, environment)
    if found.scope:
        SignIn(found.scope).token()  # said now, not at the first command
        key = ""
    elif key == "-":
        key = sys.stdin.readline().strip()
    elif key is None:
        key = function_key(found)
    made = profiles.Profile(profile or found.environment, found.endpoint, key, scope=found.scope)
    with Client(made.endpoint) as client:
        version = client.health()["version"]
    file = profiles.save(made, use=True)
    how = "with Microsoft Entra ID" if found.scope else "with its function key"
    if as_json:
        put_json({"name": made.name, "endpoint": made.endpoint, "file": str(file)})
    else:
        put(f"In use: {made.name}  {made.endpoint}  {how}; Retrain {version}.")
