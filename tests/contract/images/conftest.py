"""The image builder, started in the test's own loop, and a client that speaks HTTP to it."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import httpx
from uv import find_uv_bin

from retrain.local.engine import Engine
from retrain.local.images import ImageBuilder, ImageSettings

T = TypeVar("T")
PATIENCE_SECONDS = 50


def key_of(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def body(*dependencies: Any, image: str = "python:3.11-slim") -> dict[str, Any]:
    return {"image": image, "conda": {"dependencies": list(dependencies)}}


@asynccontextmanager
async def a_builder(
    data: Path, *, engine: Engine | None = None, uv: str | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    settings = ImageSettings(data, engine, uv or find_uv_bin())
    async with (
        ImageBuilder(settings) as builder,
        httpx.AsyncClient(base_url=builder.url, timeout=PATIENCE_SECONDS) as client,
    ):
        yield client


async def until(look: Callable[[], Awaitable[T | None]]) -> T:
    """What `look` finds, as soon as it is not None."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := await look()) is None:
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)
    return found


async def outcome(client: httpx.AsyncClient, key: str) -> dict[str, Any]:
    """The state of the image once it is not being built any more."""

    async def look() -> dict[str, Any] | None:
        state: dict[str, Any] = (await client.get(f"/images/{key}")).json()
        return None if state["state"] == "building" else state

    return await until(look)


async def built(client: httpx.AsyncClient, key: str, recipe: dict[str, Any]) -> dict[str, Any]:
    """PUT the recipe, wait, and return the image's state."""
    answer = await client.put(f"/images/{key}", json=recipe)
    assert answer.status_code in (200, 202), answer.text
    return await outcome(client, key)


def slow_uv(folder: Path, *, until_file: Path) -> str:
    """The real uv, but `pip install` waits in a child of its own until a file is there."""
    script = folder / "slow-uv"
    script.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = pip ]; then (while [ ! -e {until_file} ]; do sleep 0.02; done) & wait; fi\n'
        f'exec {find_uv_bin()} "$@"\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
    assert os.access(script, os.X_OK)
    return str(script)
