"""What `retrain data` and `retrain model` have in common: registered versions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrain.cli.options import connect, parse_settings
from retrain.cli.output import note, put, put_json

if TYPE_CHECKING:
    from retrain.client.records import Asset

Reference = Annotated[
    str, typer.Argument(help="A name, NAME:VERSION or NAME@LABEL.", metavar="NAME")
]
Archived = Annotated[bool, typer.Option("--archived", help="Those that were archived too.")]
WithLineage = Annotated[
    bool, typer.Option("--lineage", help="Which run made it, and which runs used it.")
]
#: A kind's word in files, by its word in the API.
_DOCUMENTS = {"data": "data", "models": "model"}


def create(
    kind: str, file: Path, settings: list[str] | None, profile: str | None, *, as_json: bool
) -> None:
    """Register what the file says; local paths are uploaded first."""
    from retrain.cli.progress import Bars
    from retrain.jobfile import read_asset
    from retrain.submit import register

    asset_file = read_asset(file, _DOCUMENTS[kind], parse_settings(settings))
    with connect(profile) as client:
        asset = register(client, kind, asset_file, Bars(json=as_json))
    if as_json:
        put_json(asset)
        return
    put(asset["reference"])


def list_(kind: str, profile: str | None, *, archived: bool, as_json: bool) -> None:
    with connect(profile) as client:
        found = client.list_assets(kind, archived=archived)
    if as_json:
        put_json(found)
        return
    from retrain.cli import render_assets

    render_assets.names(found)


def show(kind: str, reference: str, profile: str | None, *, lineage: bool, as_json: bool) -> None:
    with connect(profile) as client:
        asset = client.get_asset(kind, reference)
        told = client.asset_lineage(kind, reference) if lineage else None
    if as_json:
        put_json({**asset, "lineage": told} if told else asset)
        return
    from retrain.cli import render_assets

    render_assets.asset(asset)
    if told:
        render_assets.asset_lineage(told)


def archive(kind: str, reference: str, profile: str | None, *, back: bool, as_json: bool) -> None:
    with connect(profile) as client:
        (client.restore_asset if back else client.archive_asset)(kind, reference)
    if as_json:
        put_json({"reference": reference, "archived": not back})
        return
    put(f"{'Restored' if back else 'Archived'} {reference}.")
    if not back:
        note("It can still be named, and `restore` brings it back.")


def download(
    kind: str, reference: str, folder: Path | None, profile: str | None, *, as_json: bool
) -> None:
    from retrain.cli.progress import Bars

    with connect(profile) as client:
        asset = client.get_asset(kind, reference)
        exact = f"{asset['name']}:{asset['version']}"  # a label may move meanwhile
        files = client.asset_files(kind, exact)
        target = folder or _folder(asset)
        plural = "s" * (len(files) != 1)
        what, size = f"{len(files)} file{plural} of {exact}", sum(file["size"] for file in files)
        with Bars(json=as_json).moving(what, size, "Downloaded") as progress:
            written = client.download_asset(kind, exact, target, progress, files)
    result: dict[str, Any] = {"folder": str(target), "files": [str(path) for path in written]}
    if as_json:
        put_json(result)
        return
    for path in written:
        put(str(path))


def _folder(asset: "Asset") -> Path:
    return Path(f"{asset['name']}-{asset['version']}")
