"""`python -m retrain.local.azurite --port P --data DIR`: Blob Storage alone, until Ctrl-C."""

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from retrain.jobfile.errors import JobFileError
from retrain.local.azurite.command import AzuriteMissing, find_azurite
from retrain.local.azurite.server import AzuriteServer, AzuriteSettings
from retrain.local.azurite.webhook import Webhook
from retrain.local.faults import Faults
from retrain.local.faults.options import add_options, control, faults_of, wanted
from retrain.local.options import port, words


async def _serve(settings: AzuriteSettings, asked: argparse.Namespace) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with (
        AzuriteServer(settings) as server,
        control(asked, settings.faults or Faults(), {}),
    ):
        hook = Webhook(asked.webhook) if asked.webhook else None
        if hook:
            for container in asked.webhook_containers:
                await server.reader.create(container)
            server.events.subscribe(hook, asked.webhook_containers)
            await server.events.start()
        sys.stdout.write(f"Blob Storage: {server.connection_string}\n")
        sys.stdout.flush()
        await ended.wait()
        if hook:
            await server.events.stop()
            await hook.close()


def main() -> int:
    """Run Azurite until a signal; 1 when it could not start, 2 for a bad --faults."""
    parser = argparse.ArgumentParser(prog="python -m retrain.local.azurite", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=port, default=10000, help="0 is any free one (%(default)s)")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        default=Path(".retrain/blob"),
        help="where the blobs are kept (%(default)s)",
    )
    parser.add_argument(
        "--webhook",
        metavar="URL",
        help="where each blob that is made is told, until the answer is 200, as Event Grid does: "
        "http://127.0.0.1:7071/runtime/webhooks/blobs?code=MASTERKEY is the Functions host's",
    )
    parser.add_argument(
        "--webhook-containers",
        type=lambda text: text.split(","),
        metavar="NAME,NAME",
        default=[],
        help="the containers whose blobs are told; made if need be",
    )
    add_options(parser)
    asked = parser.parse_args()
    if bool(asked.webhook) != bool(asked.webhook_containers):
        parser.error("--webhook and --webhook-containers go together")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    logging.getLogger("retrain.faults").setLevel(logging.INFO)
    try:
        faults = faults_of(asked) if wanted(asked) else None
        settings = AzuriteSettings(asked.data, asked.host, asked.port, find_azurite(), faults)
        asyncio.run(_serve(settings, asked))
    except JobFileError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (AzuriteMissing, OSError, RuntimeError) as error:
        sys.stderr.write(f"{words(error)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
