"""`python -m retrain.local.azurite --port P --data DIR`: Blob Storage alone, until Ctrl-C."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from retrain.local.azurite.command import AzuriteMissing, find_azurite
from retrain.local.azurite.server import AzuriteServer, AzuriteSettings


async def _serve(settings: AzuriteSettings) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with AzuriteServer(settings) as server:
        sys.stdout.write(f"Blob Storage: {server.connection_string}\n")
        sys.stdout.flush()
        await ended.wait()


def main() -> int:
    """Run Azurite until a signal; 1 when it could not start."""
    parser = argparse.ArgumentParser(prog="python -m retrain.local.azurite", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=10000, help="0 for any free port")
    parser.add_argument("--data", type=Path, default=Path(".retrain/blob"))
    asked = parser.parse_args()
    try:
        settings = AzuriteSettings(asked.data, asked.host, asked.port, find_azurite())
        asyncio.run(_serve(settings))
    except (AzuriteMissing, OSError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
