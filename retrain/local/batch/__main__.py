"""`python -m retrain.local.batch --port P --data DIR`: the emulator alone, until a signal."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from retrain.jobfile.errors import JobFileError
from retrain.local.batch.server import BatchServer
from retrain.local.batch.settings import DEFAULT_KEY, BatchSettings
from retrain.local.engine import find_engine
from retrain.local.faults.options import add_options, control, faults_of


def main(arguments: Sequence[str] | None = None) -> int:
    """0 after a signal, 1 when it can't start, 2 for a bad --faults."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
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
        sys.stderr.write(f"{_words(error)}\n")
        return 1
    return 0


def _words(error: Exception) -> str:
    """An OSError's own words begin with a number that helps nobody."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    return f"{error.strerror}: {error.filename}" if error.filename else error.strerror


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
        sys.stdout.write(
            f"endpoint {server.endpoint}\naccount  {settings.account}\nkey      {settings.key}\n"
        )
        sys.stdout.flush()
        await stopped.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m retrain.local.batch", description="Azure Batch on loopback."
    )
    parser.add_argument("--port", type=int, default=10010, help="0 takes any free one (10010)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", type=Path, default=Path(".retrain/batch"), help="state folder")
    parser.add_argument("--account", default="retrainlocal")
    parser.add_argument("--key", default=DEFAULT_KEY, help="base64; the default is no secret")
    parser.add_argument("--engine", default="auto", choices=("auto", "podman", "docker", "none"))
    parser.add_argument("--environments", type=Path, help="virtual environments of images")
    parser.add_argument(
        "--allocation-seconds", type=float, default=0.0, help="time a pool takes to get nodes (0)"
    )
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        help="how much faster than the clock the service's own intervals pass: autoscaling, job "
        "schedules, resize timeouts (1)",
    )
    add_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
