"""A stage for a whole function app: its files in a folder, the servers on a loop of their own.

Tests are plain functions on the main thread, as users of real SDKs are; the servers run on an event
loop in another thread, as they do in the stack.
"""

import asyncio
import json
import textwrap
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from retrain.local.azurite import AzuriteServer, AzuriteSettings
from retrain.local.host import FunctionsHost, HostSettings

T = TypeVar("T")


class Server(Protocol):
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


S = TypeVar("S", bound=Server)


class Stage:
    """Runs servers for one test and stops them, last first, at its end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loop = asyncio.new_event_loop()
        self._servers: list[Server] = []
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(50)

    def start(self, server: S) -> S:
        self.run(server.start())
        self._servers.append(server)
        return server

    def stop(self, server: Server) -> None:
        self._servers.remove(server)
        self.run(server.stop())

    def app(self, source: str, host_json: Mapping[str, Any] | None = None) -> Path:
        """Write a function app; returns its root."""
        root = self.folder / "app"
        root.mkdir(exist_ok=True)
        text = "import azure.functions as func\n" + textwrap.dedent(source)
        (root / "function_app.py").write_text(text)
        content = {"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}
        (root / "host.json").write_text(json.dumps(host_json or content))
        return root

    def host(
        self,
        source: str,
        host_json: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> FunctionsHost:
        """Write an app and start a host for it."""
        return self.host_at(self.app(source, host_json), **settings)

    def host_at(self, root: Path, **settings: Any) -> FunctionsHost:
        """Start a host for the app in `root`."""
        defaults = {"port": 0, "stop_seconds": 5.0, "blob_retry_seconds": 0.0}
        made = HostSettings(root=root, data=self.folder / "host", **{**defaults, **settings})
        return self.start(FunctionsHost(made))

    def azurite(self) -> AzuriteServer:
        return self.start(AzuriteServer(AzuriteSettings(self.folder / "blob", port=0)))

    def close(self) -> None:
        for server in reversed(self._servers):
            self.run(server.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


def until(true: Callable[[], object], what: str = "it happened", seconds: float = 20) -> None:
    """Wait until `true()`; fail when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds} s for: {what}"
        time.sleep(0.01)
