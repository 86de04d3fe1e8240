"""`retrain dead-letters …`: messages that could not be processed, and what becomes of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrain.cli.options import AsJson, ProfileName, connect
from retrain.cli.output import note, put, put_json

if TYPE_CHECKING:
    from retrain.client import Client

app = typer.Typer(
    no_args_is_help=True, help="Messages that could not be processed: look, send again, drop."
)

Id = Annotated[str, typer.Argument(help="Its id: run-events/7.", metavar="ID")]
Ids = Annotated[
    list[str] | None, typer.Argument(help="Ids such as run-events/7.", metavar="[ID]...")
]
Queue = Annotated[
    str | None,
    typer.Option(help="Only those of training-requests, or of run-events.", metavar="QUEUE"),
]
All = Annotated[bool, typer.Option("--all", help="All there are now.")]


@app.command("list")
def list_(queue: Queue = None, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """List them, oldest first, each with why it failed."""
    with connect(profile) as client:
        found = list(client.list_dead_letters(queue))
    if as_json:
        put_json(found)
        return
    from retrain.cli import render_dead_letters

    render_dead_letters.listed(found)


@app.command()
def show(identity: Id, as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Show one: why it failed, what to do, and its content."""
    with connect(profile) as client:
        found = client.get_dead_letter(identity)
    if as_json:
        put_json(found)
        return
    from retrain.cli import render_dead_letters

    render_dead_letters.shown(found)


@app.command()
def resubmit(
    ids: Ids = None,
    every: All = False,
    queue: Queue = None,
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """Send them to their queue once more, when what made them fail is mended."""
    with connect(profile) as client:
        done = _each(client, ids, queue, client.resubmit_dead_letter, every=every)
    _told(done, "Sent again", as_json=as_json)


@app.command()
def drop(
    ids: Ids = None,
    every: All = False,
    queue: Queue = None,
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """Remove them for good."""
    with connect(profile) as client:

        def dropped(identity: str) -> dict[str, Any]:
            client.drop_dead_letter(identity)
            return {"id": identity, "dropped": True}

        done = _each(client, ids, queue, dropped, every=every)
    _told(done, "Dropped", as_json=as_json)


def _each(
    client: "Client",
    ids: list[str] | None,
    queue: str | None,
    act: Callable[[str], dict[str, Any]],
    *,
    every: bool,
) -> list[dict[str, Any]]:
    """Those that are named, or all there are now: not those that come back meanwhile."""
    if bool(ids) == every:
        raise typer.BadParameter("give ids, or --all", param_hint="ID")
    if queue and not every:
        raise typer.BadParameter("it goes with --all", param_hint="--queue")
    chosen = [one["id"] for one in client.list_dead_letters(queue)] if every else ids or []
    return [act(identity) for identity in chosen]


def _told(done: list[dict[str, Any]], verb: str, *, as_json: bool) -> None:
    if as_json:
        put_json(done)
        return
    for one in done:
        put(f"{verb}: {one['id']}")
    if not done:
        note("There are none.")
