"""What a client can ask of a queue beside sending and receiving: `<queue>/$management`.

An operation gets a Request and gives the reply's body, or None when there is nothing to tell
(204). Names and fields are Service Bus's, misspelling included.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final, TypeVar

from retrain.local.servicebus import rule_requests
from retrain.local.servicebus.amqp import Array, Int, Timestamp
from retrain.local.servicebus.engine.namespace import Namespace
from retrain.local.servicebus.engine.queue import Queue
from retrain.local.servicebus.engine.sessions import Session, Sessions
from retrain.local.servicebus.engine.topic import Topic
from retrain.local.servicebus.errors import (
    BadRequest,
    LockLost,
    NotAllowed,
    NotImplementedHere,
    SessionLockLost,
)
from retrain.local.servicebus.messages import Message, parse, serialize

_Value = TypeVar("_Value")
_Reply = dict[str, Any] | None

_PREFIX: Final = "com.microsoft:"
#: `last-updated-time` that stands for "whenever": .NET's largest time, in milliseconds.
_WHENEVER: Final = 253_402_300_800_000
_RECEIVE_AND_DELETE: Final = 0
#: Contents of the messages that one reply to a peek holds; who wants more asks again.
_REPLY_BYTES: Final = 1 << 22
_NO_LOCK: Final = uuid.UUID(int=0)
#: What `calls` name otherwise than the service does.
_COUNTED: Final = {
    "completed": "complete",
    "abandoned": "abandon",
    "defered": "defer",
    "suspended": "dead_letter",
    "peek-message": "peek",
    "schedule-message": "schedule",
    "cancel-scheduled-message": "cancel_scheduled",
    "receive-by-sequence-number": "receive",
    "get-message-sessions": "list_sessions",
}


@dataclass(frozen=True, slots=True)
class Request:
    """consumer: the receiver in whose name the client asks.

    named: it says so; then a consumer of None is one that is gone.
    """

    namespace: Namespace
    entity: Queue | Topic
    operation: str
    body: dict[Any, Any]
    consumer: Any = None
    named: bool = False

    def field(self, name: str, kind: type[_Value]) -> _Value:
        """Raises BadRequest when it is missing or mistyped."""
        value = self.body.get(name)
        if not isinstance(value, kind):
            raise BadRequest(f"'{name}' of {self.operation} must be of type {kind.__name__}.")
        return value

    def fields(self, name: str, kind: type[_Value]) -> list[_Value]:
        """A list of such values. Raises BadRequest."""
        values: list[Any] = self.field(name, list)
        if not all(isinstance(value, kind) for value in values):
            raise BadRequest(f"'{name}' of {self.operation} must hold {kind.__name__} values.")
        return values

    @property
    def counted_as(self) -> str:
        """The operation by the name it has in `calls`."""
        name = self.operation.removeprefix(_PREFIX)
        if name == "update-disposition":
            name = str(self.body.get("disposition-status"))
        return _COUNTED.get(name, name.replace("-", "_"))

    @property
    def queue(self) -> Queue:
        """Raises NotAllowed."""
        if isinstance(self.entity, Topic):
            raise NotAllowed(f"'{self.entity.name}' is a topic: it keeps no messages to ask for.")
        return self.entity

    @property
    def sessions(self) -> Sessions:
        """Raises NotAllowed."""
        if self.queue.sessions is None:
            raise NotAllowed(f"The queue '{self.queue.name}' has no sessions.")
        return self.queue.sessions

    @property
    def session(self) -> Session:
        """The one that it is about, which the asking receiver holds.

        Raises NotAllowed, SessionLockLost.
        """
        session = self.sessions.held(self.field("session-id", str))
        if self.named and self.sessions.of(self.consumer) is not session:
            raise SessionLockLost(session.id)
        return session


def perform(request: Request) -> _Reply:
    """Raises ServiceBusError, DecodeError for a message that can't be read."""
    operation = _OPERATIONS.get(request.operation.removeprefix(_PREFIX))
    if operation is None:
        raise NotImplementedHere(f"There is no operation '{request.operation}' here.")
    return operation(request)


def _renew_lock(request: Request) -> _Reply:
    tokens = request.fields("lock-tokens", uuid.UUID)
    until = [request.queue.renew(token.bytes_le) for token in tokens]
    return {"expirations": Array(_timestamp(each) for each in until)}


def _update_disposition(request: Request) -> _Reply:
    status = request.field("disposition-status", str)
    sessions = request.queue.sessions
    for token in request.fields("lock-tokens", uuid.UUID):
        try:
            _settle(request, status, token.bytes_le)
        except LockLost:
            if sessions and request.named and sessions.of(request.consumer) is None:
                raise SessionLockLost(str(request.body.get("session-id", ""))) from None
            raise
    return {}


def _settle(request: Request, status: str, token: bytes) -> None:
    queue, body = request.queue, request.body
    match status:
        case "completed":
            queue.complete(token)
        case "abandoned":
            queue.abandon(token)
        case "defered":
            queue.defer(token)
        case "suspended":
            reason, description = body.get("deadletter-reason"), body.get("deadletter-description")
            queue.dead_letter(token, _text(reason), _text(description))
        case _:
            raise BadRequest(f"'disposition-status' can't be '{status}'.")


def _peek(request: Request) -> _Reply:
    request.queue.calls["peek"] += 1
    found = request.queue.peek(
        request.field("from-sequence-number", int),
        request.field("message-count", int),
        _text(request.body.get("session-id")),
    )
    if not found:
        return None
    # Peeked messages tell nothing of locks.
    return {"messages": [{"message": serialize(each)} for each in _within_a_reply(found)]}


def _schedule(request: Request) -> _Reply:
    request.entity.calls["schedule"] += 1
    messages = []
    for entry in request.fields("messages", dict):
        encoded = entry.get("message")
        if not isinstance(encoded, bytes):
            raise BadRequest("each of 'messages' must hold a 'message' of bytes.")
        messages.append(parse(encoded))
    return {"sequence-numbers": Array(request.entity.put(messages))}


def _cancel(request: Request) -> _Reply:
    request.entity.calls["cancel_scheduled"] += 1
    request.entity.cancel(request.fields("sequence-numbers", int))
    return {}


def _receive_deferred(request: Request) -> _Reply:
    queue = request.queue
    session = None
    if queue.sessions:
        held = queue.sessions.of(request.consumer)
        if held is None:
            raise SessionLockLost(str(request.body.get("session-id", "")))
        session = held.id
    remove = request.field("receiver-settle-mode", int) == _RECEIVE_AND_DELETE
    numbers = request.fields("sequence-numbers", int)
    found = queue.receive_deferred(numbers, remove=remove, session=session)
    return {"messages": [_locked_entry(message) for message in found]}


def _renew_session_lock(request: Request) -> _Reply:
    request.queue.calls["renew_session_lock"] += 1
    return {"expiration": _timestamp(request.sessions.renew(request.session))}


def _get_session_state(request: Request) -> _Reply:
    request.queue.calls["get_session_state"] += 1
    return {"session-state": request.session.state}


def _set_session_state(request: Request) -> _Reply:
    request.queue.calls["set_session_state"] += 1
    state = request.body.get("session-state")
    if isinstance(state, str):
        state = state.encode()
    if state is not None and not isinstance(state, bytes):
        raise BadRequest("'session-state' must be bytes or null.")
    request.sessions.set_state(request.session, state)
    return {}


def _list_sessions(request: Request) -> _Reply:
    request.queue.calls["list_sessions"] += 1
    since, skip = request.field("last-updated-time", int), request.field("skip", int)
    sessions = request.sessions.by_id.values()
    if since >= _WHENEVER:
        ids = [each.id for each in sessions if each.active or each.state is not None]
    else:
        ids = [each.id for each in sessions if each.touched * 1000 > since]
    page = ids[skip : skip + request.field("top", int)]
    return {"skip": Int(skip + len(page)), "sessions-ids": Array(page)} if page else None


def _add_rule(request: Request) -> _Reply:
    name, description = request.field("rule-name", str), request.field("rule-description", dict)
    rule_requests.add(request.namespace, request.entity.name, name, description)
    return {}


def _remove_rule(request: Request) -> _Reply:
    name = request.field("rule-name", str)
    rule_requests.remove(request.namespace, request.entity.name, name)
    return {}


def _enumerate_rules(request: Request) -> _Reply:
    skip, top = request.field("skip", int), request.field("top", int)
    found = rule_requests.page(request.namespace, request.entity.name, skip, top)
    return {"rules": found} if found else None


def _within_a_reply(messages: list[Message]) -> list[Message]:
    """As many from the front as one reply holds; one at least."""
    sizes = accumulate(message.size for message in messages)
    fitting = sum(size <= _REPLY_BYTES for size in sizes)
    return messages[: max(1, fitting)]


def _locked_entry(message: Message) -> dict[str, Any]:
    token = uuid.UUID(bytes_le=message.lock.token) if message.lock else _NO_LOCK
    return {"message": serialize(message, message.lock), "lock-token": token}


def _timestamp(epoch_seconds: float) -> Timestamp:
    return Timestamp(int(epoch_seconds * 1000))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


_OPERATIONS: Final[dict[str, Callable[[Request], _Reply]]] = {
    "renew-lock": _renew_lock,
    "update-disposition": _update_disposition,
    "peek-message": _peek,
    "schedule-message": _schedule,
    "cancel-scheduled-message": _cancel,
    "receive-by-sequence-number": _receive_deferred,
    "renew-session-lock": _renew_session_lock,
    "get-session-state": _get_session_state,
    "set-session-state": _set_session_state,
    "get-message-sessions": _list_sessions,
    "add-rule": _add_rule,
    "remove-rule": _remove_rule,
    "enumerate-rules": _enumerate_rules,
}
