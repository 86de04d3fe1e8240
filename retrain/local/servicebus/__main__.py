"""`python -m retrain.local.servicebus`: the emulator alone, until Ctrl-C or SIGTERM."""

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from retrain.local.servicebus.config import ConfigError, read_config
from retrain.local.servicebus.server import ServiceBusServer, ServiceBusSettings
from retrain.local.servicebus.store import DataFolderUnusable


def main() -> int:
    """Run; gives the exit code: 0, or 1 with the reason on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m retrain.local.servicebus",
        description="Azure Service Bus on this machine, for the real SDKs.",
    )
    parser.add_argument("--port", type=int, default=5672, help="0 is any free port (5672)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument(
        "--config", type=Path, required=True, help="queues, as in Microsoft's emulator: Config.json"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(".servicebus"),
        help="folder of the messages (.servicebus)",
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        settings = ServiceBusSettings(
            data=options.data,
            config=read_config(options.config),
            port=options.port,
            host=options.host,
        )
        asyncio.run(_serve(settings))
    except (ConfigError, DataFolderUnusable, OSError) as error:
        sys.stderr.write(f"{error.strerror if isinstance(error, OSError) else error}\n")
        return 1
    return 0


async def _serve(settings: ServiceBusSettings) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with ServiceBusServer(settings) as server:
        sys.stdout.write(f"{server.connection_string}\n")
        sys.stdout.flush()
        await ended.wait()


if __name__ == "__main__":
    sys.exit(main())
