"""Bytes in, bytes out: the only parser of messages and records.

The Functions host lets top-level members of a message's JSON overwrite the trigger's metadata,
whatever their case, so there are three of ours and no more: `v`, `run`, `body`.
"""

from typing import Annotated, Final, TypeVar

from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from shared.domain.errors import Permanent
from shared.domain.events import Told
from shared.domain.requests import TrainingRequest
from shared.domain.run import Run

#: Of messages and records; a reader refuses what is newer than itself, and the message comes again.
VERSION: Final = 1

_Version = Annotated[int, Field(ge=1, le=VERSION)]


class _RequestMessage(TypedDict):
    v: _Version
    body: TrainingRequest


class _EventMessage(TypedDict):
    v: _Version
    run: str
    body: Annotated[Told, Field(discriminator="kind")]


class _RunRecord(TypedDict):
    v: _Version
    body: Run


_REQUEST_MESSAGE: Final = TypeAdapter(_RequestMessage)
_EVENT_MESSAGE: Final = TypeAdapter(_EventMessage)
_RUN_RECORD: Final = TypeAdapter(_RunRecord)
_Message = TypeVar("_Message")


class Malformed(Permanent):
    def __init__(self, what: str, why: str) -> None:
        super().__init__(
            f"A {what} can't be read: {why}.",
            remedy="It is kept in the dead-letter queue; look at who sent it.",
        )


class TooNew(Malformed):
    def __init__(self, what: str) -> None:
        super().__init__(what, f"it is of a version above {VERSION}, and this code knows no other")
        self.remedy = "A newer Retrain wrote it: deploy that one here, too; then send it again."


def encode_request(request: TrainingRequest) -> bytes:
    return _REQUEST_MESSAGE.dump_json({"v": VERSION, "body": request}, by_alias=True)


def decode_request(body: bytes) -> TrainingRequest:
    """Raises Malformed."""
    return _parsed(_REQUEST_MESSAGE, body, "training request")["body"]


def encode_event(run: str, event: Told) -> bytes:
    return _EVENT_MESSAGE.dump_json({"v": VERSION, "run": run, "body": event})


def decode_event(body: bytes) -> tuple[str, Told]:
    """The run's name and what happened to it. Raises Malformed."""
    members = _parsed(_EVENT_MESSAGE, body, "run event")
    return members["run"], members["body"]


def encode_run(run: Run) -> bytes:
    return _RUN_RECORD.dump_json({"v": VERSION, "body": run}, by_alias=True)


def decode_run(body: bytes) -> Run:
    """Raises Malformed."""
    return _parsed(_RUN_RECORD, body, "run's record")["body"]


def _parsed(adapter: TypeAdapter[_Message], body: bytes, what: str) -> _Message:
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["loc"] == ("v",) and first["type"] == "less_than_equal":
            raise TooNew(what) from error
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise Malformed(what, f"{where}: {first['msg']}") from error
