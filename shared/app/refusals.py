"""Why a message could not be processed: noted when it fails, since its queue can't tell.

The Functions host abandons a message whose function failed. After ten times the queue gives it up
and says no more than that, so the door's own reason is kept beside it, in one document for a run.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from shared.domain.errors import Conflict, RetrainError, Transient
from shared.domain.keys import digest
from shared.domain.run import Run
from shared.ports.bus import MAX_DELIVERIES, REQUESTS
from shared.ports.registry import Registry

log = logging.getLogger("retrain.refusals")

#: The registry's kind of these documents.
KIND: Final = "refused"
#: Of a run the newest so many are kept.
_KEPT: Final = 20
_RACES: Final = 5
#: A run that was heard of within this time is on its way, and is not asked about.
_QUIET: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message at a door. run: whose, as its sender said, or "".  deliveries: with this one."""

    queue: str
    id: str
    run: str
    body: bytes
    deliveries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """How a message failed when it was delivered for the `deliveries`-th time."""

    queue: str
    at: datetime
    deliveries: int
    code: str
    message: str
    remedy: str

    @property
    def about_run(self) -> str:
        """What its run's page says: the run waits for this message's sake."""
        what = (
            "The run was accepted, but its training request could not be processed"
            if self.queue == REQUESTS
            else "Something that happened to the run could not be processed"
        )
        return f"{what}: {self.message}"


@dataclass(frozen=True, slots=True)
class Refusals:
    registry: Registry
    now: Callable[[], datetime]

    @contextmanager
    def noted(self, arrived: Arrived) -> Iterator[None]:
        """Whatever is raised inside is noted if it may be the last word on the message."""
        try:
            yield
        except Exception as error:
            if _worth_noting(arrived, error):
                self._note(arrived, error)
            raise

    def of_message(self, queue: str, identity: str, run: str, body: bytes) -> Refusal | None:
        """Why it failed last, as far as anybody noted it."""
        key = _key(queue, identity, body)
        document = self.registry.get(KIND, _name(run, key)) or {"messages": {}}
        found = document["messages"].get(key)
        return found and _read(found)

    def of_run(self, run: Run) -> Refusal | None:
        """What keeps the run from going on: the last that failed since it was heard of."""
        if run.final or self.now() - run.heard_at < _QUIET:
            return None
        document = self.registry.get(KIND, _name(run.name, "")) or {"messages": {}}
        found = [_read(one) for one in document["messages"].values()]
        newest = max(found, key=lambda one: one.at, default=None)
        return newest if newest and newest.at >= run.heard_at else None

    def forget(self, queue: str, identity: str, run: str, body: bytes) -> None:
        """The message is no dead letter any more."""
        key = _key(queue, identity, body)
        self._change(_name(run, key), run, lambda messages: messages.pop(key, None))

    def _note(self, arrived: Arrived, error: Exception) -> None:
        key = _key(arrived.queue, arrived.id, arrived.body)
        told = asdict(_refusal(arrived, error, self.now()))
        told["at"] = told["at"].isoformat()

        def add(messages: dict[str, Any]) -> None:
            messages[key] = told
            for old in sorted(messages, key=lambda one: str(messages[one]["at"]))[:-_KEPT]:
                del messages[old]

        try:
            self._change(_name(arrived.run, key), arrived.run, add)
        except RetrainError as problem:
            log.warning("message %s: why it failed could not be noted: %s", arrived.id, problem)

    def _change(self, name: str, run: str, change: Callable[[dict[str, Any]], object]) -> None:
        for _ in range(_RACES):
            kept = self.registry.load(KIND, name)
            messages = dict(kept.document["messages"]) if kept else {}
            before = dict(messages)
            change(messages)
            if messages == before:
                return
            try:
                document = {"run": run, "messages": messages}
                self.registry.save(KIND, name, document, kept.etag if kept else None)
            except Conflict:
                continue
            return


def _worth_noting(arrived: Arrived, error: Exception) -> bool:
    """At its last delivery; and at the first if it will be no better at the others."""
    if arrived.deliveries >= MAX_DELIVERIES:
        return True
    return arrived.deliveries == 1 and not isinstance(error, Transient)


def _refusal(arrived: Arrived, error: Exception, now: datetime) -> Refusal:
    if isinstance(error, RetrainError):
        code, message, remedy = error.code, error.message, error.remedy
    else:
        code, message = type(error).__name__, f"{type(error).__name__}: {error}"
        remedy = "This is a fault in Retrain; please report it with the app's log of that time."
    if isinstance(error, Transient):
        remedy = "When the service answers again, send it again."
    return Refusal(
        queue=arrived.queue,
        at=now,
        deliveries=arrived.deliveries,
        code=code,
        message=message,
        remedy=remedy,
    )


def _read(document: dict[str, Any]) -> Refusal:
    return Refusal(**{**document, "at": datetime.fromisoformat(document["at"])})


def _key(queue: str, identity: str, body: bytes) -> str:
    """A message's; one that has no id has its content."""
    return digest(queue, identity, sha256(body).hexdigest())


def _name(run: str, key: str) -> str:
    """Of the run's document, or of the message's own when nobody said whose it is."""
    return digest("run", run) if run else key
