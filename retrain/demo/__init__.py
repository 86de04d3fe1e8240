"""`retrain demo`: a data file lands, a model comes out, and nothing is left running."""

import asyncio
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Final

import psutil
from filelock import FileLock, Timeout
from rich.console import Console

from retrain.client import Client
from retrain.demo.story import Story
from retrain.local.engine import find_engine
from retrain.local.stack import LOCK, ROOT, Ports, Stack, StackOptions, run
from retrain.local.up import log_to
from retrain.problem import Problem

ANY = Ports(api=0, blob=0, servicebus=0, batch=0, images=0)


#: What examples/wine/job.yml names; it is there, or can be pulled in so many seconds.
IMAGE: Final = "docker.io/library/python:3.11-slim"
LOOKS: Final = (("image", "inspect"), ("pull",))
PULL_SECONDS: Final = 180
#: State and model of the last demo; each begins anew, since a file it knows would start nothing.
FOLDER: Final = ROOT / ".retrain" / "demo"


def demo(*, engine: str = "auto") -> None:
    """Show it once, in a stack of its own on free ports. Raises Problem when it goes wrong."""
    folder = FOLDER
    _empty(folder)
    console = Console(highlight=False)
    options = StackOptions(data=folder, ports=ANY, engine=_usable(engine, console))
    log_to(folder / "stack.log")
    told: list[BaseException | None] = []

    async def show(stack: Stack) -> None:
        # A thread that nobody waits for: Ctrl-C ends the demo at once, not after its next line.
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def tell() -> None:
            told.append(_tell(stack, console, folder))
            loop.call_soon_threadsafe(done.set)

        threading.Thread(target=tell, daemon=True).start()
        await done.wait()

    with console.status("starting Blob Storage, Service Bus, Batch and the Functions host …"):
        run(options, show)
    if not told:
        raise Problem("The demo was interrupted.", "Start it again with `make demo`.")
    if told[0] is not None:
        raise told[0]
    left = psutil.Process().children(recursive=True)
    if left:
        raise Problem(f"Processes are left: {[process.pid for process in left]}.")
    console.print("\n[bold]The stack is stopped; no process is left.[/bold]")


def _usable(preferred: str, console: Console) -> str:
    """The engine to show it with: none where its image can't be had, unless it was asked for."""
    engine = find_engine(preferred) if preferred == "auto" else None
    if engine is None:
        return preferred
    with console.status(f"pulling {IMAGE} with {engine.name} …"):
        pulled = any(_succeeds([*engine.command, *words, IMAGE]) for words in LOOKS)
    if pulled:
        return engine.name
    console.print(f"{engine.name} is here, but can't pull {IMAGE}: the script runs as a process.")
    return "none"


def _succeeds(command: list[str]) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, timeout=PULL_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _tell(stack: Stack, console: Console, folder: Path) -> Exception | None:
    try:
        with Client(stack.addresses["api"], stack.addresses["key"]) as client:
            Story(stack, client, console, folder).tell()
    except Exception as error:  # noqa: BLE001 - handed to the thread that waits, whatever it is
        return error
    return None


def _empty(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / LOCK, blocking=False):
            shutil.rmtree(folder, ignore_errors=True)
    except Timeout:
        raise Problem("Another demo is running.", "Let it end first.") from None
