"""Frames nobody would write, whole and broken, at a server: no crash, no hang, nothing left.

One case is one connection: what a client says there is drawn from links, messages, requests and
settlements that exist, then damaged. Beside it a good client must always be served.
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
    ServiceBusServer,
    ServiceBusSettings,
)
from retrain.local.servicebus.amqp import UInt
from tests.contract.servicebus.parts.raw import GREETING, Wire, attach, transfer
from tests.fuzz.parts.frames import conversation
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
            good = Neighbour(await _connect(server))
            await good.begin()
            warm: dict[str, float] | None = None
            while time.monotonic() < deadline and not report.wrong:
                await _case(server, rng, good, report)
                if report.cases == 200:
                    warm = _state()
            await good.wire.close()
            report.wrong += await _left_behind(server)
        gc.collect()
        after = _state()
    report.figures = {"rss_mb": after["rss"] / 2**20, "files": after["files"]}
    if after["files"] > before["files"] or after["tasks"] > before["tasks"]:
        report.wrong.append(f"left open: {before} became {after}")
    if warm and after["rss"] > warm["rss"] + _SLACK:
        report.wrong.append(f"memory grew from {warm['rss']} to {after['rss']} bytes")
    return report


async def _case(server: ServiceBusServer, rng: Random, good: "Neighbour", report: Report) -> None:
    said = conversation(rng)
    report.cases += 1
    try:
        bad = await _connect(server)
        await bad.say(said)
        if rng.random() < 0.8:
            await bad.rest()
        await bad.close()
        await good.is_served()
    except TimeoutError:
        report.wrong.append(f"no answer any more after {said.hex()}")
    except Exception as error:  # noqa: BLE001 - what it is decides nothing, that it is does
        report.wrong.append(f"{error!r} after {said.hex()}")


class Neighbour:
    """A client that does nothing wrong, and sends one message after each case."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._sent = 0

    async def begin(self) -> None:
        await self.wire.say(GREETING + attach(0, "q", receives=False))
        await self.wire.hear(0x13)

    async def is_served(self) -> None:
        """Raises TimeoutError when it is not; also accepts that a message was rejected."""
        number = UInt(self._sent)
        self._sent += 1
        await self.wire.say(transfer(b"\x00\x53\x75\xa0\x01x", number, b"t", UInt(0), False))
        await self.wire.hear(0x15)


async def _left_behind(server: ServiceBusServer) -> list[str]:
    """Connections that outlive their clients; all of them should be gone within seconds."""
    until = time.monotonic() + 10
    while server.connections and time.monotonic() < until:
        await asyncio.sleep(0.01)
    return [f"{server.connections} connections are left"] if server.connections else []


async def _connect(server: ServiceBusServer) -> Wire:
    return Wire(*await asyncio.open_connection("127.0.0.1", server.port))


def _state() -> dict[str, float]:
    process = psutil.Process()
    return {
        "rss": process.memory_info().rss,
        "files": process.num_fds(),
        "tasks": len(asyncio.all_tasks()),
    }


def _words(context: dict[str, Any]) -> str:
    return f"{context.get('message')}: {context.get('exception')!r}"
