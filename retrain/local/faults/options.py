"""`--faults` and `--control-port` of an emulator that runs alone."""

import argparse
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from retrain.local.faults.action import Action
from retrain.local.faults.endpoint import ControlEndpoint
from retrain.local.faults.live import Faults
from retrain.local.faults.reading import read_plan
from retrain.local.options import port


def add_options(parser: argparse.ArgumentParser) -> None:
    """To the emulator's own."""
    parser.add_argument(
        "--faults",
        type=Path,
        metavar="FILE",
        help="what is to go wrong, in YAML: see docs/faults.md (nothing)",
    )
    parser.add_argument(
        "--control-port",
        type=port,
        metavar="PORT",
        help="let faults be seen and changed over HTTP on this port of 127.0.0.1, another for each "
        "emulator; 0 is any free one (none)",
    )


def wanted(options: argparse.Namespace) -> bool:
    """Whether there can be any faults at all."""
    return options.faults is not None or options.control_port is not None


def faults_of(options: argparse.Namespace) -> Faults:
    """Raises JobFileError: the command then ends with 2."""
    return Faults(read_plan(options.faults)) if options.faults else Faults()


@asynccontextmanager
async def control(
    options: argparse.Namespace, faults: Faults, actions: Mapping[str, Action]
) -> AsyncIterator[None]:
    """The control endpoint, if a port was asked for; it says on stdout where it is."""
    if options.control_port is None:
        yield
        return
    async with ControlEndpoint(faults, actions, options.control_port) as endpoint:
        sys.stdout.write(f"control  {endpoint.url}/faults\n")
        sys.stdout.flush()
        yield
