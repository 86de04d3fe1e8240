"""Frames nobody would write, whole and broken, at a server: no crash, no hang, nothing left.

One case is one connection: what a client says there is drawn from links, messages, requests and
settlements that exist, then damaged. Some clients stay, some vanish. Beside them a good client must
always be served. Between two connections the codec alone gets damaged values.
"""

import asyncio
import gc
import time
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from retrain.local.servicebus import (
    NamespaceSettings,
    QueueSettings,
    ServiceBusError,
    ServiceBusServer,
    ServiceBusSettings,
)
from retrain.local.servicebus.amqp import (
    DecodeError,
    UInt,
    decode_all,
    encode,
    raw_items,
    sections,
)
from retrain.local.servicebus.amqp.performatives import read
from retrain.local.servicebus.messages import BATCH, parse, unbatch
from tests.contract.servicebus.parts.raw import GREETING, Wire, attach, transfer
from tests.fuzz.parts.frames import conversation, damage, message, value
from tests.fuzz.report import Report

#: Messages live shortly, so that what a storm sends does not look like a leak.
_ENTITIES = NamespaceSettings(
    queues=(
        QueueSettings(name="q", lock_seconds=1, time_to_live=2),
        QueueSettings(name="s", lock_seconds=1, time_to_live=2, sessions=True),
    )
)
#: Memory may grow by this much: what the allocator keeps.
_SLACK = 64 << 20
#: Clients that stay connected at the same time.
_STAYING = 20


async def storm(rng: Random, deadline: float) -> Report:
    report = Report()
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: report.wrong.append(f"an exception got away: {_words(context)}")
    )
    with TemporaryDirectory() as folder:
        terms = ServiceBusSettings(
            data=Path(folder), config=_ENTITIES, port=0, allow_any_token=True
        )
        before = _state()
        async with ServiceBusServer(terms) as server:
            warm = await _Storm(server, rng, report).rage(deadline)
            report.wrong += await _left_behind(server)
        gc.collect()
        after = _state()
    report.figures = {"rss_mb": after["rss"] / 2**20, "files": after["files"]}
    if any(after[kind] > before[kind] for kind in ("files", "tasks", "timers")):
        report.wrong.append(f"left open: {before} became {after}")
    if warm and after["rss"] > warm["rss"] + _SLACK:
        report.wrong.append(f"memory grew from {warm['rss']} to {after['rss']} bytes")
    return report


class _Storm:
    def __init__(self, server: ServiceBusServer, rng: Random, report: Report) -> None:
        self._server = server
        self._rng = rng
        self._report = report
        self._staying: list[Wire] = []

    async def rage(self, deadline: float) -> dict[str, float] | None:
        """Until the deadline or the first harm; gives the state when it was warm."""
        good = _Neighbour(await _connect(self._server))
        await good.begin()
        warm: dict[str, float] | None = None
        while time.monotonic() < deadline and not self._report.wrong:
            said = conversation(self._rng)
            self._report.cases += 1
            try:
                _decode(self._rng)
                await self._case(said)
                await good.is_served()
            except TimeoutError:
                self._report.wrong.append(f"no answer any more after {said.hex()}")
            except Exception as error:  # noqa: BLE001 - that there is one is what is looked for
                self._report.wrong.append(f"{error!r} after {said.hex()}")
            if self._report.cases == 200:
                warm = _state()
        for wire in (*self._staying, good.wire):
            await wire.close()
        return warm

    async def _case(self, said: bytes) -> None:
        wire = await _connect(self._server)
        await wire.say(said)
        fate = self._rng.random()
        if fate < 0.1:
            self._staying.append(wire)
            if len(self._staying) > _STAYING:
                await self._staying.pop(0).close()
            return
        if fate < 0.8:
            await wire.end()  # raises when the server does not hang up
        await wire.close()


def _decode(rng: Random) -> None:
    """Damaged values: whatever reads them has one kind of error for it."""
    data = damage(rng, encode(value(rng)) if rng.random() < 0.5 else message(rng))
    for reads in (decode_all, raw_items, sections, read, parse, lambda it: unbatch(it, BATCH)):
        try:
            reads(data)
        except (DecodeError, ServiceBusError):
            continue


class _Neighbour:
    """A client that does nothing wrong, and sends one message after each case."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._sent = 0

    async def begin(self) -> None:
        await self.wire.say(GREETING + attach(0, "q", receives=False))
        await self.wire.hear(0x13)

    async def is_served(self) -> None:
        """Raises TimeoutError when it is not."""
        number = UInt(self._sent)
        self._sent += 1
        await self.wire.say(transfer(b"\x00\x53\x75\xa0\x01x", number, b"t", UInt(0), False))
        assert b"\x00\x53\x24\x45" in await self.wire.hear(0x15), "its message was not accepted"


async def _left_behind(server: ServiceBusServer) -> list[str]:
    """Connections that outlive their clients, and what the queues still think of them.

    All of them should be gone within seconds.
    """
    until = time.monotonic() + 10
    while server.connections and time.monotonic() < until:
        await asyncio.sleep(0.01)
    found = [f"{server.connections} connections"] if server.connections else []
    for name in ("q", "s"):
        queue = server.listener(name)._queue
        found += [f"receivers of {name}"] if queue._dispatch._waiting else []
        found += [f"owners in {name}"] if queue.sessions and queue.sessions._owned else []
    return [f"left behind: {each}" for each in found]


async def _connect(server: ServiceBusServer) -> Wire:
    return Wire(*await asyncio.open_connection("127.0.0.1", server.port))


def _state() -> dict[str, float]:
    process, loop = psutil.Process(), asyncio.get_running_loop()
    return {
        "rss": process.memory_info().rss,
        "files": process.num_fds(),
        "tasks": len(asyncio.all_tasks()),
        "timers": sum(not each.cancelled() for each in loop._scheduled),  # type: ignore[attr-defined]
    }


def _words(context: dict[str, Any]) -> str:
    return f"{context.get('message')}: {context.get('exception')!r}"
