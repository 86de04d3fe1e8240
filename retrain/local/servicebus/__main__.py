"""`python -m retrain.local.servicebus`: the emulator alone, until Ctrl-C or SIGTERM."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from retrain.jobfile.errors import JobFileError
from retrain.local.faults.options import add_options, control, faults_of
from retrain.local.options import port, words
from retrain.local.servicebus.config import ConfigError, read_config
from retrain.local.servicebus.sas import DEFAULT_KEY, Key
from retrain.local.servicebus.server import PORT, ServiceBusServer, ServiceBusSettings
from retrain.local.servicebus.settings import NamespaceSettings
from retrain.local.servicebus.store import DataFolderUnusable

_ABOUT = """\
Azure Service Bus on this machine, for the real SDKs.

It prints its connection string, then the certificate that a client must trust to use https or
AMQP inside TLS, and runs until Ctrl-C. Everything is on one port."""

_EXAMPLES = """\
examples:
  python -m retrain.local.servicebus
      on port 5672, empty; create queues with ServiceBusAdministrationClient
  python -m retrain.local.servicebus --config Config.json --data /tmp/bus --port 0
      the entities of a file, state in another folder, any free port
  python -m retrain.local.servicebus --key admin=c2VjcmV0 --key worker:Send,Listen=b3RoZXI=
      keys of your own; the first one is in the printed connection string

All of it is described in docs/servicebus.md."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; gives the exit code: 0, or 1 with the reason on stderr, 2 for a bad --faults."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        settings = ServiceBusSettings(
            data=options.data,
            config=read_config(options.config) if options.config else NamespaceSettings(),
            port=options.port,
            host=options.host,
            admin_port=options.admin_port,
            keys=tuple(options.key or (DEFAULT_KEY,)),
            allow_any_token=options.allow_any_token,
            faults=faults_of(options),
        )
        asyncio.run(_serve(settings, options))
    except JobFileError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"{words(error)}\n")
        return 1
    except (ConfigError, DataFolderUnusable, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m retrain.local.servicebus",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--config",
        type=Path,
        metavar="FILE",
        help="entities to begin with, in the form of Microsoft's emulator's Config.json",
    )
    add(
        "--data",
        type=Path,
        metavar="FOLDER",
        default=Path(".servicebus"),
        help="where everything is kept: messages, entities, the certificate (%(default)s)",
    )
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=port, default=PORT, help="0 is any free one (%(default)s)")
    add(
        "--admin-port",
        type=port,
        metavar="PORT",
        help="a second port that answers the same, for clients that look for administration "
        "elsewhere (none)",
    )
    add(
        "--key",
        type=_key,
        metavar="NAME[:RIGHTS]=VALUE",
        action="append",
        help="a shared access key; give it again for more. RIGHTS are of Manage, Send, Listen, "
        f"with commas between; without them, all. (Without any: {DEFAULT_KEY.name}="
        f"{DEFAULT_KEY.value}, as in Microsoft's emulator)",
    )
    add(
        "--allow-any-token",
        action="store_true",
        help="ask nobody for a key, and let in tokens that can't be checked here, as Entra ID's "
        "(azure-identity)",
    )
    add_options(parser)
    return parser


def _key(text: str) -> Key:
    try:
        return Key.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


async def _serve(settings: ServiceBusSettings, options: argparse.Namespace) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with (
        ServiceBusServer(settings) as server,
        control(options, server.faults, server.actions),
    ):
        sys.stdout.write(f"{server.connection_string}\n{server.certificate.resolve()}\n")
        sys.stdout.flush()
        await ended.wait()


if __name__ == "__main__":
    sys.exit(main())
