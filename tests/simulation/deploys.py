"""Deploys in between: for a while instances of two versions read what the other one wrote.

Either the older ones know fewer members of a record and of an event: they read past those that came
since, and what they write is without them; a job that wants what they don't know they refuse. Or
the newer ones write the next version of the wire format, which the older ones refuse to read: the
message comes again, to somebody newer.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from shared import wire
from shared.domain.events import Told
from shared.domain.requests import TrainingRequest
from shared.domain.run import Run
from shared.ports.bus import Bus
from shared.ports.runs import Runs, Stored, Summary
from shared.ports.world import Ports

Deploy = Literal["the older know less", "the newer write anew"]
DEPLOYS: Final[tuple[Deploy, ...]] = ("the older know less", "the newer write anew")

#: The members of a run's record that the older code knows: those before retry policies came.
_OLD_RECORD: Final = frozenset(
    """name job source created_at status timeline attempt max_attempts image verdict problem
    heard_at last_event pending reads writes""".split()  # noqa: SIM905 - shorter
)
#: The fields of a job that came since.
_NEW_JOB: Final = frozenset(("retry",))
#: What it knows of events, beside `id`, `at`, `kind`, and of which kinds.
_OLD_EVENTS: Final[dict[str, frozenset[str]]] = {
    "requested": frozenset(),
    "image_ready": frozenset(("image",)),
    "image_pending": frozenset(("look",)),
    "image_failed": frozenset(("problem",)),
    "attempt_moved": frozenset(("attempt", "status")),
    "attempt_pending": frozenset(("attempt", "look")),
    "attempt_ended": frozenset(("attempt", "cause", "problem", "prepared_at", "started_at")),
    "taken_down": frozenset(("attempt",)),
    "concluded": frozenset(("attempt", "changed", "writes", "problem")),
    "retry_due": frozenset(("attempt",)),
    "cancel_asked": frozenset(),
    "nudged": frozenset(),
    "notify_due": frozenset(("webhook", "occasion", "tries")),
    "files_wait": frozenset(("schedule",)),
}
#: Its commands, with what it knows of each beside `kind`.
_OLD_COMMANDS: Final[dict[str, frozenset[str]]] = {
    "build_image": frozenset(("look",)),
    "provision": frozenset(("attempt",)),
    "look": frozenset(("attempt", "look")),
    "take_down": frozenset(("attempt", "keep_logs")),
    "conclude": frozenset(("attempt",)),
    "wait": frozenset(("attempt", "seconds")),
    "notify": frozenset(("webhook", "occasion", "tries")),
}
_NEXT: Final = b'"v":2'
_PRESENT: Final = b'"v":1'


def older(ports: Ports, deploy: Deploy) -> Ports:
    """The world, as the version before this one sees it."""
    if deploy == "the newer write anew":
        return ports  # what it can't read it refuses by itself
    return replace(ports, runs=_OlderRuns(ports.runs), bus=_OlderBus(ports.bus))


def newer_writes(body: bytes) -> bytes:
    """As the version after this one would write it."""
    return body.replace(_PRESENT, _NEXT, 1)


def newer_reads(body: bytes) -> bytes:
    """The version after this one reads both."""
    return body.replace(_NEXT, _PRESENT, 1)


def check_known(body: bytes) -> None:
    """Raises Malformed for a message that the older version can't read."""
    message = json.loads(body)["body"]
    if "kind" in message and message["kind"] not in _OLD_EVENTS:
        raise wire.Malformed("run event", f"body: there is no {message['kind']}")
    _check_job(message.get("job", {}), "training request")


@dataclass(frozen=True, slots=True)
class _OlderRuns:
    runs: Runs

    def create(self, run: Run) -> bool:
        return self.runs.create(_older_run(run))

    def load(self, name: str) -> Stored:
        stored = self.runs.load(name)
        return Stored(_older_run(stored.run), stored.etag)

    def save(self, run: Run, etag: str) -> None:
        self.runs.save(_older_run(run), etag)

    def list(self, prefix: str = "") -> Iterable[Summary]:
        return self.runs.list(prefix)


@dataclass(frozen=True, slots=True)
class _OlderBus:
    bus: Bus

    def request(self, request: TrainingRequest) -> None:
        self.bus.request(request)

    def event(self, run: str, event: Told, *, after: datetime | None = None) -> None:
        if event.kind in _OLD_EVENTS:
            event = _older_event(event)
        self.bus.event(run, event, after=after)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bus, name)


def _older_run(run: Run) -> Run:
    """Through the wire, without what it doesn't know; a command that it doesn't know is refused."""
    record = json.loads(wire.encode_run(run))
    body = {name: value for name, value in record["body"].items() if name in _OLD_RECORD}
    _check_job(body["job"], "run's record")
    unknown = [one["kind"] for one in body["pending"] if one["kind"] not in _OLD_COMMANDS]
    if unknown:
        raise wire.Malformed("run's record", f"body.pending: there is no {unknown[0]}")
    body["pending"] = [_older_command(one) for one in body["pending"]]
    return wire.decode_run(json.dumps({**record, "body": body}).encode())


def _check_job(job: Mapping[str, Any], what: str) -> None:
    strange = _NEW_JOB & job.keys()
    if strange:
        raise wire.Malformed(what, f"body.job.{min(strange)}: unknown field")


def _older_command(command: dict[str, Any]) -> dict[str, Any]:
    known = {*_OLD_COMMANDS[command["kind"]], "kind"}
    return {name: value for name, value in command.items() if name in known}


def _older_event(event: Told) -> Told:
    message = json.loads(wire.encode_event("run", event))
    known = {*_OLD_EVENTS[event.kind], "id", "at", "kind"}
    body = {name: value for name, value in message["body"].items() if name in known}
    return wire.decode_event(json.dumps({**message, "body": body}).encode())[1]
