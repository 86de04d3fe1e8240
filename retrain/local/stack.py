"""The whole of Retrain on one machine, in one process (and Azurite, its child).

The order of starting is the order of need: Blob Storage, Service Bus, the image builder, Batch,
and the Functions host last, since its doors open on all of them. Everything keeps its state on disk
below one folder, so that a stack that was killed goes on where it stood when it is started again.
"""

import asyncio
import base64
import logging
import secrets
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from filelock import FileLock, Timeout

from retrain.local.azurite import AzuriteServer, AzuriteSettings, find_azurite
from retrain.local.batch import BatchServer, BatchSettings
from retrain.local.engine import HOST_NETWORK, Engine, find_engine
from retrain.local.faults import Faults, Plan
from retrain.local.faults.endpoint import ControlEndpoint
from retrain.local.host import FunctionsHost, HostSettings
from retrain.local.images import ImageBuilder, ImageSettings
from retrain.local.servicebus import ServiceBusServer, ServiceBusSettings, read_config
from shared.ports.files import CONTAINERS

log = logging.getLogger("retrain.stack")

#: The folder of function_app.py and host.json: the checkout.
ROOT: Final = Path(__file__).resolve().parents[2]
LOCK: Final = "stack.lock"
QUEUES: Final = Path(__file__).with_name("queues.json")


def _nobody(text: str) -> None:
    """Nobody listens; the log has it too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the services listen on loopback; 0 is any free port.

    faults: of the control endpoint, which is there only when it has a port.
    """

    api: int = 7071
    blob: int = 10000
    servicebus: int = 5672
    batch: int = 10100
    images: int = 10200
    faults: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """`data` holds all state. engine: auto, podman, docker or none (tasks run as processes).

    watch: when the watch looks, in NCRONTAB; in the cloud each minute is enough, and paid for.
    reload: load the functions anew when their code changes; `say` is told of it.
    batch_speed: how much faster than the clock Batch's own intervals pass; a compute's nodes then
    come and go in seconds, which in Azure takes five minutes.  faults: what is to go wrong.
    max_nodes, max_node_hours: of all compute at once, and of a day; None is any.
    """

    data: Path = Path(".retrain")
    ports: Ports = field(default_factory=Ports)
    engine: str = "auto"
    watch: str = "*/5 * * * * *"
    batch_speed: float = 10.0
    reload: bool = False
    say: Callable[[str], None] = _nobody
    faults: Plan = field(default_factory=Plan)
    max_nodes: int | None = None
    max_node_hours: float | None = None

    @property
    def faulty(self) -> bool:
        """Whether anything can be made to go wrong."""
        return bool(self.faults.rules) or self.ports.faults is not None


class StackFailed(RuntimeError):
    """The stack can't start; the message says why, `remedy` what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A running stack's parts."""

    azurite: AzuriteServer
    servicebus: ServiceBusServer
    images: ImageBuilder
    batch: BatchServer
    host: FunctionsHost
    engine: Engine | None
    webhook_secret: str
    faults: Faults
    control: ControlEndpoint | None

    @property
    def addresses(self) -> dict[str, str]:
        """What a person needs: where everything is, and the keys that open it."""
        return {
            "api": self.host.url,
            "key": self.host.keys.default,
            "blob": self.azurite.connection_string,
            "servicebus": self.servicebus.connection_string,
            "batch": self.batch.endpoint,
            "batch_account": self.batch.settings.account,
            "batch_key": self.batch.settings.key,
            "webhook_secret": self.webhook_secret,
            "engine": self.engine.name if self.engine else "none (processes)",
        } | ({"faults": f"{self.control.url}/faults"} if self.control else {})

    @property
    def calls(self) -> dict[str, dict[str, int]]:
        """Operations served since the start, by service and kind."""
        counted = {
            "blob": self.azurite.calls,
            "servicebus": self.servicebus.calls,
            "batch": self.batch.calls,
        }
        return {service: dict(calls) for service, calls in counted.items()}


class _Server(Protocol):
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


_AnyServer = TypeVar("_AnyServer", bound=_Server)


@asynccontextmanager
async def running(options: StackOptions) -> AsyncIterator[Stack]:
    """A stack that is ready, until the block ends. Raises StackFailed; nothing is left running."""
    data = options.data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    lock = FileLock(data / LOCK, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise StackFailed(
            f"Another stack uses {data}.",
            "Stop it, or choose another folder with --data (and other ports).",
        ) from None
    try:
        async with AsyncExitStack() as open_:
            yield await _start(options, data, open_)
    finally:
        lock.release()


async def _start(options: StackOptions, data: Path, open_: AsyncExitStack) -> Stack:
    ports, faults = options.ports, Faults(options.faults)
    engine = await asyncio.to_thread(_engine, options.engine)

    async def up(make: Callable[[], _AnyServer], flag: str) -> _AnyServer:
        try:
            server = make()
            await server.start()
        except (OSError, RuntimeError) as error:
            raise StackFailed(
                str(error), f"Give another port with --port-{flag}, if that is why."
            ) from error
        open_.push_async_callback(server.stop)
        return server

    suffering = faults if options.faulty else None
    azurite = await up(lambda: _azurite(data / "blob", ports.blob, suffering), "blob")
    for container in CONTAINERS:
        await azurite.reader.create(container)
    servicebus = await up(
        lambda: ServiceBusServer(
            ServiceBusSettings(
                data=data / "servicebus",
                port=ports.servicebus,
                config=read_config(QUEUES),
                faults=faults,
            )
        ),
        "servicebus",
    )
    images = await up(
        lambda: ImageBuilder(
            ImageSettings(data=data / "images", engine=engine, uv=_uv(), port=ports.images)
        ),
        "images",
    )
    batch = await up(
        lambda: BatchServer(
            BatchSettings(
                data=data / "batch",
                port=ports.batch,
                engine=_on_our_network(engine),
                environments=images.environments,
                speed=options.batch_speed,
                faults=faults,
            )
        ),
        "batch",
    )
    # Scripts are told the app's address before it listens.
    api = ports.api or free_port()
    environment = {
        "RETRAIN_URL": f"http://127.0.0.1:{api}",
        "RETRAIN_STORAGE": azurite.connection_string,
        "RETRAIN_SERVICEBUS": servicebus.connection_string,
        "RETRAIN_BATCH": batch.endpoint,
        "RETRAIN_BATCH_ACCOUNT": batch.settings.account,
        "RETRAIN_BATCH_KEY": batch.settings.key,
        "RETRAIN_IMAGES": images.url,
        "RETRAIN_WATCH": options.watch,
        "RETRAIN_MAX_NODES": _text(options.max_nodes),
        "RETRAIN_MAX_NODE_HOURS_A_DAY": _text(options.max_node_hours),
        "RETRAIN_WEBHOOK_SECRET": webhook_secret(data / "webhook.secret"),
        "RETRAIN_WEBHOOK_PRIVATE": "true",  # here everybody is on this machine
        # The worker's default is too few for the sessions that host.json allows at once.
        "PYTHON_THREADPOOL_THREAD_COUNT": "32",
    }
    host = await up(
        lambda: FunctionsHost(
            HostSettings(
                root=ROOT,
                data=data / "host",
                environment=environment,
                port=api,
                listeners=servicebus.listener,
                send=servicebus.send,
                blobs=azurite,
                watch=options.reload,
                say=options.say,
            )
        ),
        "api",
    )
    control = None
    if ports.faults is not None:
        endpoint = ControlEndpoint(faults, servicebus.actions | batch.actions, ports.faults)
        control = await up(lambda: endpoint, "faults")
    return Stack(
        azurite=azurite,
        servicebus=servicebus,
        images=images,
        batch=batch,
        host=host,
        engine=engine,
        webhook_secret=environment["RETRAIN_WEBHOOK_SECRET"],
        faults=faults,
        control=control,
    )


def _text(limit: float | None) -> str:
    """As a setting: empty is none."""
    return "" if limit is None else f"{limit:g}"


def webhook_secret(file: Path) -> str:
    """What signs notifications: made once for a data folder, readable by its owner only."""
    if not file.exists():
        made = file.with_suffix(".new")
        made.unlink(missing_ok=True)
        made.touch(0o600)
        made.write_text(f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}")
        made.rename(file)
    return file.read_text()


def _engine(preferred: str) -> Engine | None:
    """Falls back to processes only when nobody asked for an engine by its name."""
    try:
        engine = find_engine(preferred)
    except ValueError as error:
        raise StackFailed(str(error)) from error
    if engine is None and preferred not in ("auto", "none"):
        raise StackFailed(
            f"{preferred} runs no containers on this machine.",
            f"See what `{preferred} run` says, or take --engine none: tasks run as processes.",
        )
    return engine


def _on_our_network(engine: Engine | None) -> Engine | None:
    """Scripts in containers reach the app where those in processes do: on loopback."""
    return engine and replace(engine, run_options=(*engine.run_options, *HOST_NETWORK))


def free_port() -> int:
    """A port of loopback that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _azurite(data: Path, port: int, faults: Faults | None) -> AzuriteServer:
    return AzuriteServer(
        AzuriteSettings(data=data, port=port, command=find_azurite(), faults=faults)
    )


def _uv() -> str:
    """uv is a dependency of the stack; it stands beside this Python."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.exists() else shutil.which("uv") or "uv"


def run(options: StackOptions, ready: Callable[[Stack], Awaitable[Any]]) -> None:
    """Start, call `ready`, and keep running until it returns. Ctrl-C and SIGTERM end it too."""
    import signal

    async def main() -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ended.set)
        async with running(options) as stack:
            work = asyncio.ensure_future(ready(stack))
            waiting = asyncio.ensure_future(ended.wait())
            await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
            for task in (work, waiting):
                task.cancel()
            results = await asyncio.gather(work, waiting, return_exceptions=True)
            if isinstance(results[0], Exception):
                raise results[0]

    asyncio.run(main())
