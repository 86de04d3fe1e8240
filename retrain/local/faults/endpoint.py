"""The control endpoint on a port of loopback, in the event loop of what it controls."""

from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from retrain.local.faults.action import Action
from retrain.local.faults.control import application
from retrain.local.faults.live import Faults
from retrain.local.listener import Listener

_HOST: Final = "127.0.0.1"


class ControlEndpoint:
    """port: 0 is any free one; known once started. actions: by "service/verb"."""

    def __init__(self, faults: Faults, actions: Mapping[str, Action], port: int) -> None:
        self.port = port
        self._faults = faults
        self._actions = actions
        self._listener = Listener("the control endpoint of faults")

    @property
    def url(self) -> str:
        """Known once started."""
        return f"http://{_HOST}:{self.port}"

    async def start(self) -> None:
        """Raises OSError when the port is taken."""
        self.port = await self._listener.bind(_HOST, self.port)
        await self._listener.serve(application(self._faults, self._actions))

    async def stop(self) -> None:
        """Let answers under way finish."""
        await self._listener.close()

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
