"""The SDK's two administration clients, asked in one way.

`admin.create_queue("q")` calls the method of that name and gives what it gives; a list for pages.
"""

import asyncio
import threading
from collections.abc import AsyncIterable, Callable
from pathlib import Path
from typing import Any, Self

from azure.core.paging import ItemPaged
from azure.servicebus.aio import management as aio
from azure.servicebus.management import ServiceBusAdministrationClient


class SyncAdmin:
    """Over the synchronous client."""

    def __init__(self, connection_string: str, certificate: Path) -> None:
        self._client = ServiceBusAdministrationClient.from_connection_string(
            connection_string, connection_verify=str(certificate), retry_total=0
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def ask(*arguments: Any, **terms: Any) -> Any:
            found = method(*arguments, **terms)
            return list(found) if isinstance(found, ItemPaged) else found

        return ask


class AsyncAdmin:
    """Over the asynchronous client, on an event loop of its own."""

    def __init__(self, connection_string: str, certificate: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._client = aio.ServiceBusAdministrationClient.from_connection_string(
            connection_string, connection_verify=str(certificate), retry_total=0
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        async def ask(*arguments: Any, **terms: Any) -> Any:
            found = method(*arguments, **terms)
            if isinstance(found, AsyncIterable):
                return [each async for each in found]
            return await found

        return lambda *arguments, **terms: self._do(ask(*arguments, **terms))

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)


CLIENTS: dict[str, type[SyncAdmin] | type[AsyncAdmin]] = {"sync": SyncAdmin, "async": AsyncAdmin}
