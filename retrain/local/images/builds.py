"""Which environments are being built, and what became of them: one build a key, two at a time."""

import asyncio
import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from retrain.local.images.context_store import ContextStore
from retrain.local.images.making import BuildFailed, BuildLog, Maker
from retrain.local.images.records import Record, Records, State
from shared.jobs.images.recipe import Recipe

log = logging.getLogger(__name__)

AT_ONCE: Final = 2
BUILD_SECONDS: Final = 3600


class RecipeDiffers(ValueError):
    """The key names another recipe already."""


class Builds:
    """Everything asked of the builder, by key. `opening` is the first line of every log."""

    def __init__(self, data: Path, maker: Maker, opening: str) -> None:
        self._data = data
        self._maker = maker
        self._opening = opening
        self._records = Records(data / "records")
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._contexts = ContextStore(data / "contexts")

    def log_of(self, key: str) -> BuildLog:
        return BuildLog(self._data / "logs" / f"{key}.log")

    async def look(self, key: str) -> Record | None:
        """What is known of the key. Begins again what was interrupted or has been lost since."""
        record = self._records.read(key)
        if record is None or record.state == "failed":
            return record
        return await self._kept(key, record)

    def image_of(self, key: str, recipe: Recipe) -> str:
        return self._maker.image_of(key, recipe)

    async def ensure(self, key: str, recipe: Recipe, source: str = "") -> Record:
        """As `look`; also begins what is new or has failed. source: the URL of its build context.
        Raises RecipeDiffers."""
        record = self._records.read(key)
        if source:
            self._contexts.sources[recipe.context] = source
        if record is None:
            return self._begin(key, recipe)
        if record.recipe != recipe:
            raise RecipeDiffers(key)
        if record.state == "failed":
            return self._begin(key, recipe)
        return await self._kept(key, record)

    async def stop(self) -> int:
        """Leave what is being built, to be begun again when next asked for; return how many."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(tasks)

    async def _kept(self, key: str, record: Record) -> Record:
        if key in self._tasks:
            return record
        if (
            record.state == "ready"
            and self._ours(record)
            and await self._maker.holds(key, record.recipe)
        ):
            return record
        return self._begin(key, record.recipe)

    def _ours(self, record: Record) -> bool:
        """False when it was made before an engine was installed, or removed."""
        return record.mode == self._maker.mode

    def _begin(self, key: str, recipe: Recipe) -> Record:
        record = Record(recipe, self._maker.mode, "building", time.time())
        if key not in self._tasks:
            self._records.write(key, record)
            self.log_of(key).open(self._opening)
            self._tasks[key] = asyncio.create_task(self._build(key, record))
        return record

    async def _build(self, key: str, record: Record) -> None:
        said = self.log_of(key)
        if self._slots.locked():
            said.say(f"Waiting: {AT_ONCE} environments are being built.")
        try:
            async with self._slots:
                began = time.monotonic()
                failure = await self._failure(key, record.recipe, said)
        finally:
            del self._tasks[key]
        state: State = "failed" if failure else "ready"
        outcome = f"{state} after {time.monotonic() - began:.1f} s"
        said.say(f"{outcome}: {failure.what}" if failure else outcome)
        log.info("environment %s: %s", key[:12], outcome)
        self._records.write(
            key, replace(record, state=state, at=time.time(), reason=str(failure or ""))
        )

    async def _failure(self, key: str, recipe: Recipe, said: BuildLog) -> BuildFailed | None:
        """Make it. Return why it could not be made, or nothing."""
        try:
            async with asyncio.timeout(BUILD_SECONDS):
                if recipe.context:
                    await self._contexts.fetch(recipe.context, said)
                await self._maker.make(key, recipe, said)
        except BuildFailed as failure:
            return failure
        except TimeoutError:
            return BuildFailed(f"The build was ended after {BUILD_SECONDS // 60} minutes.")
        except OSError as error:  # a full disk, a program that is not there
            return BuildFailed(f"The build met an error of this machine: {error}")
        except Exception as fault:  # a key must not be "building" for ever
            log.exception("environment %s", key[:12])
            return BuildFailed(f"This is a fault in Retrain, please report it: {fault!r}")
        return None
