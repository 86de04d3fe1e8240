"""What the host runs, and what it listens to."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from retrain.local.host.blob_service import BlobService
from retrain.local.host.functions import Function
from retrain.local.host.keys import Keys
from retrain.local.host.queues import Listeners, Send

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC)


def _nobody(text: str) -> None:
    """Nobody listens; the log has it too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What triggers listen to and outputs go to; None: there is no such one."""

    listeners: Listeners | None = None
    send: Send | None = None
    blobs: BlobService | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """The app, and the services its triggers listen to (None: there is no such one).

    webhook: given what is posted to /runtime/webhooks/blobs; the answer's status.
    provide: asked for the services instead, when it is known which functions there are.

    `root` holds function_app.py and host.json. `environment` is set for the process while the app
    is loaded and answers %SETTING%. Port 0 is any free one. Times in seconds. `watch`: reload the
    app when its code changes, and wait for a repair when it can't be loaded; `say` is told, in one
    line, what a person at a terminal wants to know of that.
    """

    root: Path
    data: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1"
    port: int = 7071
    listeners: Listeners | None = None
    send: Send | None = None
    blobs: BlobService | None = None
    webhook: Callable[[bytes], Awaitable[int]] | None = None
    provide: Callable[[Sequence[Function]], Awaitable[Services]] | None = None
    keys: Keys | None = None
    max_body_bytes: int = 100 * 1024 * 1024
    blob_retry_seconds: float = 1.0
    stop_seconds: float = 10.0
    clock: Clock = _now
    watch: bool = False
    say: Callable[[str], None] = _nobody

    async def services(self, functions: Sequence[Function]) -> Services:
        """For these functions."""
        if self.provide:
            return await self.provide(functions)
        return Services(listeners=self.listeners, send=self.send, blobs=self.blobs)
