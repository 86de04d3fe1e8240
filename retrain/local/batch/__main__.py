"""`python -m retrain.local.batch --port P --data DIR`: the emulator alone, until a signal."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import math
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from retrain.jobfile.errors import JobFileError
from retrain.local.batch.server import BatchServer
from retrain.local.batch.settings import DEFAULT_KEY, BatchSettings
from retrain.local.engine import CHOICES, find_engine
from retrain.local.faults.options import add_options, control, faults_of
from retrain.local.options import port, words

_ABOUT = """\
Azure Batch on this machine, for the real SDK. Tasks run as processes or in containers.

It prints its endpoint, account and key, tells what runs tasks with an image, and runs until
Ctrl-C."""

_EXAMPLES = """\
examples:
  python -m retrain.local.batch --data .batch
      on port 10010, state in .batch
  python -m retrain.local.batch --engine none --port 0 --speed 60
      no containers, any free port, a minute of autoscaling and schedules in a second

All of it is described in docs/batch.md."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 after a signal, 1 when it can't start, 2 for a bad --faults."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would write signed addresses
    try:
        faults = faults_of(options)
    except JobFileError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    settings = BatchSettings(
        data=options.data,
        host=options.host,
        port=options.port,
        account=options.account,
        key=options.key,
        engine=find_engine(options.engine),
        environments=options.environments,
        allocation_seconds=options.allocation_seconds,
        speed=options.speed,
        faults=faults,
    )
    try:
        asyncio.run(_serve(settings, options))
    except (OSError, RuntimeError, ValueError) as error:
        sys.stderr.write(f"{words(error)}\n")
        return 1
    return 0


async def _serve(settings: BatchSettings, options: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, stopped.set)
    async with (
        BatchServer(settings) as server,
        control(options, server.faults, server.actions),
    ):
        engine = f"in {settings.engine.name}" if settings.engine else "as processes"
        sys.stdout.write(
            f"endpoint {server.endpoint}\naccount  {settings.account}\nkey      {settings.key}\n"
            f"images   tasks with an image run {engine}\n"
        )
        sys.stdout.flush()
        await stopped.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m retrain.local.batch",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=port, default=10010, help="0 is any free one (%(default)s)")
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add(
        "--data",
        type=Path,
        metavar="FOLDER",
        default=Path(".retrain/batch"),
        help="where everything is kept: pools, jobs, the files of tasks (%(default)s)",
    )
    add("--account", default="retrainlocal", help="the account's name (%(default)s)")
    add("--key", default=DEFAULT_KEY, help="the account's, in base64; the default is no secret")
    add(
        "--engine",
        default="auto",
        choices=CHOICES,
        help="what runs the containers of tasks; none, or one that doesn't work here: they run "
        "as processes (%(default)s: the first that works)",
    )
    add(
        "--environments",
        type=Path,
        metavar="FOLDER",
        help="for containers as processes: the virtual environments of images, as Retrain's "
        "image builder makes them (environments in --data)",
    )
    add(
        "--allocation-seconds",
        type=_not_negative,
        metavar="SECONDS",
        default=0.0,
        help="time a pool takes to get nodes (%(default)g)",
    )
    add(
        "--speed",
        type=float,
        metavar="TIMES",
        default=1.0,
        help="how much faster than the clock the service's own intervals pass: autoscaling, job "
        "schedules, resize timeouts (%(default)g)",
    )
    add_options(parser)
    return parser


def _not_negative(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"0 or more is expected, not '{text}'")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
