"""The control endpoint on a port of loopback, in the event loop of what it controls."""

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from retrain.local.faults.control import Action, application
from retrain.local.faults.live import Faults
from retrain.local.host.http_server import HttpServer

_HOST: Final = "127.0.0.1"
_PATIENCE_SECONDS: Final = 1


class ControlEndpoint:
    """port: 0 is any free one; known once started. actions: by "service/verb"."""

    def __init__(self, faults: Faults, actions: Mapping[str, Action], port: int) -> None:
        self.port = port
        self._faults = faults
        self._actions = actions
        self._http: HttpServer | None = None

    @property
    def url(self) -> str:
        """Known once started."""
        return f"http://{_HOST}:{self.port}"

    async def start(self) -> None:
        """Raises OSError when the port is taken."""
        try:
            self._http = HttpServer(application(self._faults, self._actions), _HOST, self.port)
        except OSError as error:
            raise OSError(
                error.errno,
                f"The control endpoint of faults can't listen on {_HOST}:{self.port}: "
                f"{os.strerror(error.errno or 0)}. Stop what uses the port, or choose another one.",
            ) from error
        await self._http.start()
        self.port = self._http.port

    async def stop(self) -> None:
        """Let answers under way finish."""
        http, self._http = self._http, None
        if http:
            await http.stop(_PATIENCE_SECONDS)

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
