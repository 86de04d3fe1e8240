"""An Azure Functions app on this machine, until Ctrl-C.

In a folder with function_app.py and host.json this runs its HTTP, timer, Service Bus and blob
functions. What they need is started beside them: a Service Bus emulator with the queues that the
bindings name, and Azurite for blobs. Settings come from the environment and local.settings.json.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from retrain.local.host.claim import claimed
from retrain.local.host.server import FunctionsHost
from retrain.local.host.settings import HostSettings
from retrain.local.host.stand_ins import StandIns, StandInSettings
from retrain.local.options import port, words


async def _serve(asked: argparse.Namespace) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    stand_ins = StandIns(
        StandInSettings(
            data=asked.data,
            servicebus_config=asked.servicebus_config,
            servicebus_port=asked.servicebus_port,
            blob_port=10000 if asked.blob_port is None else asked.blob_port,
            eager=asked.blob_port is not None,
            servicebus=asked.servicebus,
            blob=asked.blob,
        ),
        _say,
    )
    settings = HostSettings(
        root=asked.root,
        data=asked.data / "host",
        environment=dict(os.environ),
        port=asked.port,
        provide=stand_ins.provide,
        webhook=stand_ins.webhook,
        watch=asked.watch,
        say=_say,
    )
    try:
        async with FunctionsHost(settings) as host:
            _greet(host)
            await ended.wait()
    finally:
        await stand_ins.close()


def _greet(host: FunctionsHost) -> None:
    _say(f"Functions: {host.url}\nkey: {host.keys.default}\nmaster key: {host.keys.master}\n")
    if host.error:
        _say(f"{host.error}\nIt is loaded as soon as that is repaired.")
    for line in host.listing():
        _say(line)
    _say("\nCtrl-C ends it.")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _log_to_stderr() -> None:
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="[%(asctime)s] %(message)s", force=True
    )
    # Every HTTP request of a client's own, and every step of AMQP: too much to read.
    for name in ("azure", "httpx", "watchfiles", "uamqp"):
        logging.getLogger(name).setLevel(logging.WARNING)


def main() -> int:
    """Run until a signal; 1 when the app or a service could not start."""
    parser = argparse.ArgumentParser(prog="python -m retrain.local.host", description=__doc__)
    parser.add_argument(
        "--root",
        type=Path,
        default=Path(),
        help="holds function_app.py and host.json (this folder)",
        metavar="DIR",
    )
    parser.add_argument("--port", type=port, default=7071, help="0 is any free one (%(default)s)")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(".retrain"),
        help="keeps keys, messages, blobs, timers (%(default)s)",
        metavar="DIR",
    )
    parser.add_argument("--watch", action="store_true", help="reload when the code changes")
    parser.add_argument(
        "--servicebus-config",
        type=Path,
        metavar="FILE",
        help="a Config.json as Microsoft's emulator has it, instead of the bindings",
    )
    parser.add_argument(
        "--servicebus-port", type=port, default=5672, metavar="PORT", help="(%(default)s)"
    )
    parser.add_argument(
        "--blob-port",
        type=port,
        metavar="PORT",
        help="(10000); given, Azurite runs whether a function asks for blobs or not",
    )
    parser.add_argument(
        "--servicebus",
        metavar="CONNECTION",
        help="a Service Bus that runs elsewhere, by its connection string; none is started then",
    )
    parser.add_argument(
        "--blob",
        metavar="CONNECTION",
        help="a Blob Storage that runs elsewhere, whose events are posted to "
        "/runtime/webhooks/blobs; none is started then",
    )
    asked = parser.parse_args()
    _log_to_stderr()
    try:
        with claimed(asked.data / "host"):
            asyncio.run(_serve(asked))
    except (OSError, RuntimeError, ValueError) as error:
        sys.stderr.write(f"{words(error)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
