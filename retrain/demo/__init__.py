"""`retrain demo`: a data file lands, a model comes out, and nothing is left running."""

import asyncio
import shutil
from pathlib import Path

from rich.console import Console

from retrain.client import Client
from retrain.demo.story import Story
from retrain.local.stack import ROOT, Ports, Stack, StackOptions, run
from retrain.local.up import log_to
from retrain.problem import Problem

ANY = Ports(api=0, blob=0, servicebus=0, batch=0, images=0)


def demo(*, engine: str = "auto", data: Path | None = None) -> None:
    """Show it once, in a stack of its own on free ports. Raises Problem when it doesn't work out.

    data: folder for the stack's state and the model; what an earlier demo left there is removed.
    """
    folder = data or ROOT / ".retrain" / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    options = StackOptions(data=folder, ports=ANY, engine=engine)
    log_to(folder / "stack.log")
    console = Console(highlight=False)
    ended: list[bool] = []

    async def show(stack: Stack) -> None:
        def tell() -> None:
            with Client(stack.addresses["api"], stack.addresses["key"]) as client:
                Story(stack, client, console, folder).tell()

        await asyncio.to_thread(tell)
        ended.append(True)

    with console.status("starting Blob Storage, Service Bus, Batch and the Functions host …"):
        run(options, show)
    if not ended:
        raise Problem("The demo was interrupted.", "Start it again with `make demo`.")
    console.print("\n[bold]The stack is stopped; no process is left.[/bold]")
