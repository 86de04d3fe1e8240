"""What a client says about deliveries, done on the queue and confirmed.

The confirmation names the same outcome; `rejected` alone says that dead-lettering was done, and
`rejected` with an error that the settlement was not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from retrain.local.servicebus.amqp import (
    DecodeError,
    Described,
    Encoded,
    UInt,
    encode_described_list,
)
from retrain.local.servicebus.amqp.performatives import Disposition
from retrain.local.servicebus.engine.queue import Queue
from retrain.local.servicebus.errors import LockLost, NotImplementedHere, ServiceBusError
from retrain.local.servicebus.wire.outcomes import (
    ACCEPTED,
    ACCEPTED_CODE,
    MODIFIED_CODE,
    REJECTED,
    REJECTED_CODE,
    RELEASED,
    RELEASED_CODE,
    TRANSACTIONAL_CODE,
    rejected,
)
from retrain.local.servicebus.wire.suffering import LinkClosed, suffer

if TYPE_CHECKING:
    from retrain.local.servicebus.wire.outgoing import OutgoingLink
    from retrain.local.servicebus.wire.session import Session

#: As `calls` count them.
_OPERATIONS: Final = {
    ACCEPTED_CODE: "complete",
    RELEASED_CODE: "release",
    REJECTED_CODE: "dead_letter",
    MODIFIED_CODE: "abandon",
}


def settle(session: Session, disposition: Disposition) -> None:
    """A disposition from the receiver; others say nothing new. Raises DecodeError."""
    if not disposition.role or (disposition.state is None and not disposition.settled):
        return
    first = disposition.first
    last = first if disposition.last is None else disposition.last
    if first == last:
        numbers = [first] if first in session.unsettled else []
    else:  # the range is the client's, and may be absurd: go by what there is
        numbers = [number for number in session.unsettled if first <= number <= last]
    for number in numbers:
        if number not in session.unsettled:
            continue  # its link was closed by one before it
        outcome = _outcome(session, number, disposition.state)
        if outcome and not disposition.settled:
            session.send(0x15, False, UInt(number), UInt(number), True, outcome)


def _outcome(session: Session, number: int, state: Described | None) -> Encoded | None:
    """What came of it; None when there is no link any more to tell it."""
    if state and state.descriptor == TRANSACTIONAL_CODE:
        return rejected(NotImplementedHere("There are no transactions here to settle it in."))
    link, token = session.unsettled.pop(number)
    try:
        return _settled(session, link, token, state)
    except LockLost as error:
        return rejected(link.lost(error))
    except LinkClosed as error:
        session.detach(link, error)
        return None
    except ServiceBusError as error:
        return rejected(error)


def _settled(
    session: Session, link: OutgoingLink, token: bytes, state: Described | None
) -> Encoded:
    queue = link.queue
    assert queue is not None
    if not session.namespace.faults.armed:
        return _apply(queue, token, state)
    return suffer(
        session.connection,
        _operation(state),
        queue.name,
        lambda: _apply(queue, token, state),
        link.session_id,
    )


def _operation(state: Described | None) -> str:
    """As `calls` count it."""
    if state is None:
        return "release"
    fields = state.value if isinstance(state.value, list) else []
    if state.descriptor == MODIFIED_CODE and fields[1:2] == [True]:
        return "defer"
    return _OPERATIONS.get(state.descriptor, "settle")


def _apply(queue: Queue, token: bytes, state: Described | None) -> Encoded:
    """Returns the outcome that confirms it. Raises LockLost."""
    code = state.descriptor if state else RELEASED_CODE
    fields: list[Any] = state.value if state and isinstance(state.value, list) else []
    if code == ACCEPTED_CODE:
        queue.complete(token)
        return ACCEPTED
    if code == RELEASED_CODE:
        queue.release(token)
        return RELEASED
    if code == REJECTED_CODE:
        queue.dead_letter(token, *_reason(fields))
        return REJECTED
    if code == MODIFIED_CODE:
        elsewhere = len(fields) > 1 and fields[1] is True
        (queue.defer if elsewhere else queue.abandon)(token)
        return Encoded(encode_described_list(MODIFIED_CODE, *map(bool, fields[:2])))
    raise DecodeError(f"unknown delivery state {code!r}")


def _reason(fields: list[Any]) -> tuple[str | None, str | None]:
    """Why a message is dead-lettered: from the error's map, or from the error itself."""
    error = fields[0].value if fields and isinstance(fields[0], Described) else None
    if not isinstance(error, list):
        return None, None
    condition, description, info = (error + [None] * 3)[:3]
    if isinstance(info, dict):
        return (
            _text(info.get("DeadLetterReason")),
            _text(info.get("DeadLetterErrorDescription")),
        )
    return _text(condition), _text(description)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
