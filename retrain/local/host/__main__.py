"""`python -m retrain.local.host --root DIR --data DIR`: a function app alone, until Ctrl-C.

With `--servicebus-config Config.json` the Service Bus emulator runs beside it, with `--blob-port`
Azurite does; their connection strings are printed, and %SETTING%s come from the environment.
"""

import argparse
import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from retrain.local.azurite import AzuriteServer, AzuriteSettings, find_azurite
from retrain.local.host.server import FunctionsHost
from retrain.local.host.settings import HostSettings
from retrain.local.servicebus import ServiceBusServer, ServiceBusSettings, read_config


async def _serve(asked: argparse.Namespace) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with AsyncExitStack() as running:
        bus = blobs = None
        if asked.servicebus_config:
            config = read_config(asked.servicebus_config)
            settings = ServiceBusSettings(
                data=asked.data / "servicebus", config=config, port=asked.servicebus_port
            )
            bus = await running.enter_async_context(ServiceBusServer(settings))
            _say(f"Service Bus: {bus.connection_string}")
        if asked.blob_port is not None:
            azurite = AzuriteSettings(
                asked.data / "blob", port=asked.blob_port, command=find_azurite()
            )
            blobs = await running.enter_async_context(AzuriteServer(azurite))
            _say(f"Blob Storage: {blobs.connection_string}")
        host = await running.enter_async_context(
            FunctionsHost(
                HostSettings(
                    root=asked.root,
                    data=asked.data / "host",
                    environment=dict(os.environ),
                    port=asked.port,
                    listeners=bus.listener if bus else None,
                    blobs=blobs,
                )
            )
        )
        _say(f"Functions: {host.url}\nkey: {host.keys.default}\nmaster key: {host.keys.master}")
        await ended.wait()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run until a signal; 1 when the app or a service could not start."""
    parser = argparse.ArgumentParser(prog="python -m retrain.local.host", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(), help="holds function_app.py")
    parser.add_argument("--port", type=int, default=7071, help="0 for any free port")
    parser.add_argument("--data", type=Path, default=Path(".retrain"))
    parser.add_argument("--servicebus-config", type=Path, metavar="FILE")
    parser.add_argument("--servicebus-port", type=int, default=5672)
    parser.add_argument("--blob-port", type=int, metavar="PORT", help="usually 10000")
    try:
        asyncio.run(_serve(parser.parse_args()))
    except (OSError, RuntimeError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
