"""`retrain demo`: a data file lands, a model comes out, and nothing is left running."""

import asyncio
import shutil
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from rich.console import Console

from retrain.client import Client
from retrain.demo.story import Story
from retrain.local.stack import LOCK, ROOT, Ports, Stack, StackOptions, run
from retrain.local.up import log_to
from retrain.problem import Problem

ANY = Ports(api=0, blob=0, servicebus=0, batch=0, images=0)


#: State and model of the last demo; each begins anew, since a file it knows would start nothing.
FOLDER: Final = ROOT / ".retrain" / "demo"


def demo(*, engine: str = "auto") -> None:
    """Show it once, in a stack of its own on free ports. Raises Problem when it goes wrong."""
    folder = FOLDER
    _empty(folder)
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


def _empty(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / LOCK, blocking=False):
            shutil.rmtree(folder, ignore_errors=True)
    except Timeout:
        raise Problem("Another demo is running.", "Let it end first.") from None
