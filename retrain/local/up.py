"""`retrain up`: the stack in the foreground, with what a person needs to use it."""

import asyncio
import json
import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console

from retrain import profile
from retrain.local.stack import Stack, StackOptions, run
from shared.wiring import write_logs_as_asked

PROFILE: Final = "local"


def up(options: StackOptions, *, as_json: bool = False) -> None:
    """Run until Ctrl-C or SIGTERM. Raises StackFailed when it can't start.

    as_json: one line with the addresses on stdout once everything answers, nothing else.
    """
    log_to(options.data / "stack.log")

    async def stay(stack: Stack) -> None:
        addresses = stack.addresses
        mine = profile.Profile(PROFILE, addresses["api"], addresses["key"])
        # The first profile becomes the current one; one that a user has chosen stays.
        file = await asyncio.to_thread(profile.save, mine)
        if as_json:
            sys.stdout.write(json.dumps(addresses) + "\n")
            sys.stdout.flush()
        else:
            _show(stack, options, file)
        await asyncio.Event().wait()

    if not as_json:
        console = Console(highlight=False)
        options = replace(
            options, say=lambda text: console.print(text, soft_wrap=True, markup=False)
        )
    run(options, stay)


def log_to(file: Path) -> None:
    """What the stack and the product log goes into a file; warnings of libraries too."""
    file.parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=file,
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )
    write_logs_as_asked()
    # azure-batch warns of every 404 to a file's download, since it can't read that error's body.
    logging.getLogger("azure.batch").setLevel(logging.ERROR)
    for name in ("retrain", "functions"):
        logging.getLogger(name).setLevel(logging.INFO)


def _show(stack: Stack, options: StackOptions, profiles: Path) -> None:
    console = Console(highlight=False)
    console.print("[bold]Retrain is up[/bold], whole, on this machine. Ctrl-C ends it.\n")
    for name, value in stack.addresses.items():
        console.print(f"  {name:<14}{value}", soft_wrap=True)
    console.print(f"\n  state          {options.data.resolve()}")
    console.print(f"  log            {(options.data / 'stack.log').resolve()}")
    console.print(f"  profile        '{PROFILE}' in {profiles}\n")
    if options.reload:
        console.print("The functions are loaded anew whenever their code changes.\n")
    if stack.host.error:
        console.print(stack.host.error, soft_wrap=True, markup=False)
        console.print("They are loaded as soon as that is repaired.\n")
    console.print("In another terminal, from this folder:\n")
    chosen = "" if profile.read().current == PROFILE else f" --profile {PROFILE}"
    console.print(f"  .venv/bin/retrain job create -f examples/wine/job.yml --stream{chosen}")
