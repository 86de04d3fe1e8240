"""The emulator as a server: one store, one namespace, one port for AMQP and administration."""

import asyncio
import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from retrain.local.faults import Action, Faults
from retrain.local.servicebus.admin.administration import Administration
from retrain.local.servicebus.admin.certificate import Certificate
from retrain.local.servicebus.admin.http import HttpConnection
from retrain.local.servicebus.door import Door, House
from retrain.local.servicebus.engine.clock import LoopClock
from retrain.local.servicebus.engine.namespace import Namespace
from retrain.local.servicebus.fault_actions import close_links, lose_locks
from retrain.local.servicebus.listener import Listener
from retrain.local.servicebus.messages import message_of
from retrain.local.servicebus.sas import DEFAULT_KEY, Key, Keys, Right
from retrain.local.servicebus.settings import NamespaceSettings
from retrain.local.servicebus.store import Store
from retrain.local.servicebus.wire.connection import Connection
from retrain.local.servicebus.wire.limits import Limits

log = logging.getLogger(__name__)

#: The port of AMQP without TLS, and of Microsoft's emulator.
PORT: Final = 5672
#: Characters of a path that may name a queue or topic.
_LONGEST_PATH: Final = 260


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBusSettings:
    """Where it listens (port 0: any free one), where its state is, which entities it has.

    admin_port: a second port for the same, if any: some clients look for administration there.
    keys: of the namespace; the first one is in the connection string. allow_any_token: no key is
    asked for, and Entra ID's tokens are let in unseen. now: epoch seconds.
    faults: those it suffers. limits: what one client may ask.
    """

    data: Path
    config: NamespaceSettings
    host: str = "127.0.0.1"
    port: int = PORT
    admin_port: int | None = None
    keys: tuple[Key, ...] = (DEFAULT_KEY,)
    allow_any_token: bool = False
    now: Callable[[], float] = field(default=time.time)
    faults: Faults = field(default_factory=Faults)
    limits: Limits = field(default_factory=Limits)


class ServiceBusServer:
    """Service Bus on loopback, for azure-servicebus with UseDevelopmentEmulator=true.

    calls: operations served since it was made, by kind: send, receive, complete, …
    """

    def __init__(self, settings: ServiceBusSettings) -> None:
        self.settings = settings
        self.port = settings.port
        self.admin_port = settings.admin_port
        self.calls: Counter[str] = Counter()
        self._store: Store | None = None
        self._namespace: Namespace | None = None
        self._servers: list[asyncio.Server] = []
        self._certificate = Certificate(settings.data, settings.host)
        self._keys = None if settings.allow_any_token else Keys(settings.keys, self._entity_keys)
        self._house = House(
            self._certificate.context, self._amqp, self._http, settings.limits.handshake_seconds
        )

    @property
    def connection_string(self) -> str:
        """For ServiceBusClient.from_connection_string; known once started."""
        key = self.settings.keys[0]
        return (
            f"Endpoint=sb://{self.settings.host}:{self.port};"
            f"SharedAccessKeyName={key.name};SharedAccessKey={key.value};"
            "UseDevelopmentEmulator=true"
        )

    @property
    def certificate(self) -> Path:
        """What clients must trust to administer it, or to speak AMQP inside TLS."""
        return self._certificate.path

    @property
    def connections(self) -> int:
        """How many are open now, whatever they speak."""
        return len(self._house.guests) + len(self._house.handshakes)

    @property
    def namespace(self) -> Namespace:
        """The entities of a started server, to look at and to change."""
        return self._started()[0]

    def commit(self) -> None:
        """Write what has been changed, before somebody is told of it. Raises sqlite3.Error."""
        self._started()[1].commit()

    @property
    def faults(self) -> Faults:
        """What it suffers; rules may come and go at any time."""
        return self.settings.faults

    @property
    def actions(self) -> dict[str, Action]:
        """What the control endpoint can do to it at once."""
        return {
            "servicebus/close-links": lambda body: close_links(
                self.namespace, self._house.guests, body
            ),
            "servicebus/lose-locks": lambda body: lose_locks(self.namespace, body),
        }

    def listener(self, path: str) -> Listener:
        """Receive in this process, without a wire, from a queue or `topic/Subscriptions/name`.

        Raises EntityNotFound, NotAllowed for a topic.
        """
        namespace, store = self._started()
        return Listener(namespace.receiving(path), store.commit)

    async def send(self, entity: str, body: bytes) -> None:
        """Send in this process, without a wire. Raises ServiceBusError; on disk when it returns."""
        namespace, store = self._started()
        namespace.sending(entity).put([message_of(body)])
        self.calls["send"] += 1
        store.commit()

    async def start(self) -> None:
        """Raises OSError when the port is taken, DataFolderUnusable."""
        loop = asyncio.get_running_loop()
        self._store = Store(self.settings.data / "servicebus.sqlite", loop.call_soon)
        clock = LoopClock(self.settings.now)
        try:
            with self._store.reading():
                self._namespace = Namespace(
                    self.settings.config, self._store, clock, self.calls, self.settings.faults
                )
            self._certificate.context()  # now, so that clients find it
            self.port = await self._listen(self.settings.port)
            if self.settings.admin_port is not None:
                self.admin_port = await self._listen(self.settings.admin_port)
        except BaseException:
            await self.stop()
            raise

    async def _listen(self, port: int) -> int:
        """The port, also when any free one was asked for. Raises OSError."""
        loop, host = asyncio.get_running_loop(), self.settings.host
        try:
            server = await loop.create_server(lambda: Door(self._house), host, port)
        except OSError as error:
            raise OSError(
                error.errno,
                f"Service Bus can't listen on {host}:{port}: {error.strerror}. "
                "Stop what uses the port, or choose another one.",
            ) from error
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Cut every connection and write what is left to write."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.close()
        self._house.clear()
        for server in servers:
            await server.wait_closed()
        namespace, self._namespace = self._namespace, None
        if namespace:
            namespace.stop()
        store, self._store = self._store, None
        if store:
            try:
                store.close()
            except sqlite3.Error:
                log.exception("the last changes can't be written")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _started(self) -> tuple[Namespace, Store]:
        if self._namespace is None or self._store is None:
            raise RuntimeError("The Service Bus emulator is not started.")
        return self._namespace, self._store

    def _entity_keys(self, path: str) -> Iterator[Key]:
        """Of every queue or topic on the way down the path."""
        names = path[:_LONGEST_PATH].split("/")
        for length in range(1, len(names) + 1):
            for rule in self.namespace.access("/".join(names[:length])):
                rights = frozenset(map(Right, rule.rights))
                yield Key(rule.name, rule.primary_key, rights)
                yield Key(rule.name, rule.secondary_key, rights)

    def _amqp(self) -> Connection:
        namespace, store = self._started()
        guests, limits = self._house.guests, self.settings.limits
        return Connection(namespace, store.commit, guests, self._keys, limits)

    def _http(self) -> HttpConnection:
        namespace, store = self._started()
        desk = Administration(namespace, store.commit, self._keys, time.time)
        return HttpConnection(desk.answer, desk.refused, self._house.guests)
