"""Requests nobody would write, and broken HTTP, at the Batch emulator: no 5xx, no hang, no leak.

Most cases ask the ASGI application, some come over a socket. The tasks that get through are run by
real processes; beside all of it a good client must always be served.
"""

import asyncio
import gc
import json
import logging
import time
from contextlib import suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from retrain.local.batch import BatchServer, BatchSettings
from tests.fuzz.parts.batch_requests import VERSION, Asked, a_request, sign
from tests.fuzz.report import Report

#: Memory may grow by this much: what the allocator keeps, and what the requests really made.
_SLACK = 64 << 20
_PATIENCE = 20.0
_ALL = ("pools", "jobs", "jobschedules")


async def storm(rng: Random, deadline: float) -> Report:
    report = Report()
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: report.wrong.append(f"an exception got away: {context}")
    )
    listen = Complaints(report)
    logging.getLogger().addHandler(listen)
    with TemporaryDirectory() as folder:
        settings = BatchSettings(data=Path(folder))
        before = _state()
        async with BatchServer(settings) as server:
            warm: dict[str, float] | None = None
            while time.monotonic() < deadline and not report.wrong:
                await case(server, rng, report)
                if report.cases % 500 == 0:
                    await clean(server, report)
                    warm = warm or _state()
            await clean(server, report)
        gc.collect()
        after = _state()
    logging.getLogger().removeHandler(listen)
    report.figures = {"rss_mb": after["rss"] / 2**20, "files": after["files"]}
    if after["files"] > before["files"] or after["tasks"] > before["tasks"]:
        report.wrong.append(f"left open: {before} became {after}")
    if warm and after["rss"] > warm["rss"] + _SLACK:
        report.wrong.append(f"memory grew from {warm['rss']} to {after['rss']} bytes")
    return report


class Complaints(logging.Handler):
    """What the emulator logs as an error is wrong, whatever its client was told."""

    def __init__(self, report: Report) -> None:
        super().__init__(logging.ERROR)
        self._report = report

    def emit(self, record: logging.LogRecord) -> None:
        self._report.wrong.append(logging.Formatter().format(record))


async def case(server: BatchServer, rng: Random, report: Report) -> None:
    """One request, and a look at whether others are still served."""
    asked = a_request(rng, server.settings)
    report.cases += 1
    try:
        if rng.random() < 0.1:
            status = await over_a_socket(server, rng, asked)
        else:
            status = await asyncio.wait_for(ask(server, asked), _PATIENCE)
        if status >= 500:
            report.wrong.append(f"{status} to {asked}")
        if report.cases % 20 == 0 and await asyncio.wait_for(a_good_one(server), _PATIENCE) != 200:
            report.wrong.append(f"a good client was refused after {asked}")
    except TimeoutError:
        report.wrong.append(f"no answer to {asked}")
    except Exception as error:  # noqa: BLE001 - what it is decides nothing, that it is does
        report.wrong.append(f"{error!r} from {asked}")


async def ask(server: BatchServer, asked: Asked) -> int:
    """The status that the application answers without a socket; its body must be whole JSON."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "method": asked.method,
        "path": asked.path,
        "raw_path": asked.path.encode(),
        "query_string": asked.query.encode(),
        "headers": [(k.encode(), v.encode("latin-1")) for k, v in asked.headers.items()],
        "state": {},
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": asked.body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await server.application(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    if dict(sent[0]["headers"]).get(b"content-type", b"").startswith(b"application/json"):
        json.loads(body, parse_constant=_refuse) if asked.method != "HEAD" else None
    return int(sent[0]["status"])


def _refuse(name: str) -> None:
    raise ValueError(f"{name} in an answer")


async def a_good_one(server: BatchServer) -> int:
    asked = Asked("GET", "/jobs", f"api-version={VERSION}&maxresults=1")
    sign(asked, server.settings)
    return await ask(server, asked)


async def over_a_socket(server: BatchServer, rng: Random, asked: Asked) -> int:
    """The request as bytes, whole or damaged; 0 when the emulator hung up without a word."""
    reader, writer = await asyncio.open_connection(server.settings.host, server.port)
    try:
        with suppress(ConnectionError):
            writer.write(_damaged(rng, _bytes_of(asked)))
            await writer.drain()
            if rng.random() < 0.5:
                writer.write_eof()
            else:
                return 0  # a client that goes away in the middle
        line = b""
        with suppress(ConnectionError):
            line = await asyncio.wait_for(reader.readline(), _PATIENCE)
        return int(line.split()[1]) if line.startswith(b"HTTP/1.1 ") else 0
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def _bytes_of(asked: Asked) -> bytes:
    lines = [f"{asked.method} {asked.target} HTTP/1.1", "host: x"]
    lines += [f"{name}: {value}" for name, value in asked.headers.items()]
    return "\r\n".join([*lines, "connection: close", "", ""]).encode("latin-1") + asked.body


def _damaged(rng: Random, data: bytes) -> bytes:
    place = rng.randrange(len(data))
    odd = rng.randbytes(rng.randrange(1, 9))
    long_header = b"\r\nx: " + b"y" * rng.choice([10, 70_000]) + b"\r\n"
    return rng.choice(
        [
            data,
            data[:place],
            data[:place] + odd + data[place + 1 :],
            data + data[:place],
            data.replace(b"\r\n", long_header, 1),
            rng.randbytes(rng.randrange(1, 200)),
        ]
    )


async def clean(server: BatchServer, report: Report) -> None:
    """Delete all there is, so that what stays would be a leak."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        left = [await _drop_all(server, kind) for kind in _ALL]
        if not any(left):
            return
        await asyncio.sleep(0.02)
    account = server.service.account
    jobs = [(job.id, job.state, len(job.running), job.preparing) for job in account.jobs.values()]
    report.wrong.append(f"deleted, but still there: {jobs}, {list(account.pools)}")


async def _drop_all(server: BatchServer, kind: str) -> int:
    account = server.service.account
    ids = {
        "pools": [pool.id for pool in account.pools.values()],
        "jobs": [job.id for job in account.jobs.values()],
        "jobschedules": [schedule.id for schedule in account.schedules.values()],
    }[kind]
    for each in ids:
        path = f"/{kind}/{each.replace(':', '%3A')}"
        asked = Asked("DELETE", path, f"api-version={VERSION}")
        sign(asked, server.settings)
        await ask(server, asked)
    return len(ids)


def _state() -> dict[str, float]:
    process = psutil.Process()
    return {
        "rss": process.memory_info().rss,
        "files": process.num_fds(),
        "tasks": len(asyncio.all_tasks()),
    }
