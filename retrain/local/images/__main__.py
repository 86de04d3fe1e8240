"""`python -m retrain.local.images --port P --data DIR`: the image builder alone, until Ctrl-C."""

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from uv import find_uv_bin

from retrain.local.engine import find_engine
from retrain.local.images.server import ImageBuilder, ImageSettings


async def _serve(settings: ImageSettings) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with ImageBuilder(settings) as builder:
        sys.stdout.write(f"Image builder: {builder.url}\n")
        sys.stdout.flush()
        await ended.wait()


def main() -> int:
    """Build images until a signal; 1 when it could not start."""
    parser = argparse.ArgumentParser(prog="python -m retrain.local.images", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=10003, help="0 for any free port")
    parser.add_argument("--data", type=Path, default=Path(".retrain/images"))
    engines = ("auto", "podman", "docker", "none")
    parser.add_argument("--engine", choices=engines, default="auto", help="none: use uv")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        engine = find_engine(asked.engine)
        settings = ImageSettings(asked.data, engine, find_uv_bin(), asked.host, asked.port)
        asyncio.run(_serve(settings))
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
