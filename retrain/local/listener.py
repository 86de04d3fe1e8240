"""An ASGI application on a TCP port, in the event loop that runs already.

uvicorn's own Server installs signal handlers and wakes ten times a second; only its HTTP protocol
is used here, so that an idle emulator costs nothing and several live side by side.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from retrain.local.patience import PatientProtocol

_KEEP_ALIVE_SECONDS = 300
_BACKLOG = 512  # connections that wait


class Listener:
    """Binds in `bind`, so that the port is known; answers only after `serve`.

    what: who listens, for a person who finds the port in use. silence_seconds: how long a client
    may pause in the middle of a request.
    """

    def __init__(self, what: str, silence_seconds: float = 60.0) -> None:
        self._what = what
        self._silence_seconds = silence_seconds
        self._state = ServerState()
        self._config: uvicorn.Config | None = None
        self._server: asyncio.Server | None = None

    async def bind(self, host: str, port: int) -> int:
        """Take the port (0: any free one) and return it. Raises OSError that says what to do."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                self._protocol, host, port, start_serving=False, backlog=_BACKLOG
            )
            self._take()
        except OSError as error:
            if self._server is not None:
                self._server.close()
                self._server = None
            if error.errno != errno.EADDRINUSE:
                raise
            raise OSError(
                error.errno,
                f"Port {port} on {host} is in use, so {self._what} can't listen there. "
                "Stop what uses it, or choose another port (0 takes any free one).",
            ) from error
        return int(self._server.sockets[0].getsockname()[1])

    def _take(self) -> None:
        """Listen at once, though nobody answers yet: as long as nobody listens, somebody else may
        bind the same port, and one of the two would find out only then. Raises OSError."""
        assert self._server is not None
        for bound in self._server.sockets:
            with socket.socket(fileno=os.dup(bound.fileno())) as same:
                same.listen(_BACKLOG)

    async def serve(self, application: Any) -> None:
        """Begin to answer."""
        self._config = uvicorn.Config(
            application,
            http=PatientProtocol,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
        self._config.load()
        if self._server is not None:
            await self._server.start_serving()

    async def close(self) -> None:
        """Stop listening, let running answers finish for a moment, and close the connections."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        if self._state.tasks:
            _, late = await asyncio.wait(self._state.tasks, timeout=5)
            for task in late:
                task.cancel()
        await asyncio.sleep(0)  # transports close on the next turn of the loop
        self._server = None

    def _protocol(self) -> asyncio.Protocol:
        assert self._config is not None, "no connection is accepted before `serve`"
        protocol = PatientProtocol(config=self._config, server_state=self._state, app_state={})
        protocol.silence_seconds = self._silence_seconds
        return protocol
