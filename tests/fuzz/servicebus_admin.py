"""Administration that makes no sense, at the Service Bus emulator: no 5xx, no hang, no leak.

Each case is one request over a socket, whole or broken, in the clear; after it, a good one.
"""

import asyncio
import gc
import time
from contextlib import suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from retrain.local.servicebus import NamespaceSettings, ServiceBusServer, ServiceBusSettings
from retrain.local.servicebus.admin.http import Request
from tests.fuzz.parts.atom_requests import a_request
from tests.fuzz.report import Report

_PATIENCE = 20.0
_GOOD = b"GET /$namespaceinfo HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def storm(rng: Random, deadline: float) -> Report:
    report = Report()
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: report.wrong.append(f"an exception got away: {context}")
    )
    with TemporaryDirectory() as folder:
        terms = ServiceBusSettings(
            data=Path(folder), config=NamespaceSettings(), port=0, allow_any_token=True
        )
        async with ServiceBusServer(terms) as server:
            while time.monotonic() < deadline and not report.wrong:
                await _case(server, rng, report)
            report.wrong += await _left_behind(server)
        async with ServiceBusServer(terms):
            pass  # what was made is good enough to start with
        gc.collect()
    return report


async def _case(server: ServiceBusServer, rng: Random, report: Report) -> None:
    said = _written(a_request(rng), rng)
    report.cases += 1
    try:
        answer = await asyncio.wait_for(_ask(server, said), _PATIENCE)
        good = await asyncio.wait_for(_ask(server, _GOOD), _PATIENCE)
    except TimeoutError:
        report.wrong.append(f"no answer any more after {said!r}")
        return
    status = answer[9:12]
    if status >= b"500" and status != b"501":
        report.wrong.append(f"{answer!r} to {said!r}")
    if not good.startswith(b"HTTP/1.1 200"):
        report.wrong.append(f"{good!r} to a good request after {said!r}")


def _written(request: Request, rng: Random) -> bytes:
    headers = {**request.headers, "content-length": str(len(request.body))}
    if rng.random() < 0.05:
        headers["content-length"] = rng.choice(("0", "-1", "x", str(1 << 40), "3"))
    lines = (f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"{request.method} {request.target} HTTP/1.1\r\n{''.join(lines)}\r\n"
    said = head.encode() + request.body
    return said[: rng.randrange(len(said))] if rng.random() < 0.05 else said


async def _ask(server: ServiceBusServer, said: bytes) -> bytes:
    """All that is answered; nothing when the connection is cut before that."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    answer = b""
    with suppress(ConnectionError):
        writer.write(said)
        writer.write_eof()
        answer = await reader.read()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return answer


async def _left_behind(server: ServiceBusServer) -> list[str]:
    """Connections that outlive their clients; all of them should be gone within seconds."""
    until = time.monotonic() + 10
    while server.connections and time.monotonic() < until:
        await asyncio.sleep(0.01)
    return [f"{server.connections} connections are left"] if server.connections else []
