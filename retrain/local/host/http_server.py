"""uvicorn inside a loop that is not its own: no signals, no access log, no lifespan."""

import asyncio
import contextlib
import math
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ending = asyncio.Event()

    async def main_loop(self) -> None:
        # Its own wakes ten times a second, to look whether it shall end; the clock of the answers'
        # Date needs but one.
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ending.wait(), 1)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the stack has its own


class HttpServer:
    """Serves one ASGI application on one port. Raises OSError when the port is taken."""

    def __init__(self, app: Any, host: str, port: int) -> None:
        self._socket = _listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=60,
        )
        self._server = _Server(config)
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            await asyncio.sleep(0)  # uvicorn has no event for it; it takes a few turns of the loop
            if self._serving.done():
                self._serving.result()
                raise RuntimeError("The HTTP server ended at once.")

    async def stop(self, patience_seconds: float) -> None:
        """Refuse new connections, let answers under way finish for so long."""
        self._server.config.timeout_graceful_shutdown = math.ceil(patience_seconds)
        self._server.should_exit = True
        self._server.ending.set()
        if self._serving:
            await self._serving
        self._socket.close()


def _listen(host: str, port: int) -> socket.socket:
    # The protocol is named, or asyncio would leave Nagle's algorithm on: 40 ms an answer.
    listening = socket.socket(proto=socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()  # as long as nobody listens, somebody else may bind the same port
    except OSError as error:
        listening.close()
        raise OSError(
            error.errno,
            f"The Functions host can't listen on {host}:{port}: {error.strerror}. "
            "Stop what uses the port, or choose another one.",
        ) from error
    listening.setblocking(False)
    return listening
