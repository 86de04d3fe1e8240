"""How a wish for a link becomes one: to which address, which way, with or without a session.

A refusal is an attach that leads nowhere and then a detach that says why; a detach alone would make
the SDK drop the connection. A link to "the next session" is answered when there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from retrain.local.servicebus.amqp import (
    Described,
    Encoded,
    Symbol,
    UInt,
    ULong,
    encode,
    encode_described_list,
    raw_items,
)
from retrain.local.servicebus.amqp.performatives import Attach
from retrain.local.servicebus.engine import sessions
from retrain.local.servicebus.engine.entities import Entity
from retrain.local.servicebus.engine.queue import Queue
from retrain.local.servicebus.errors import (
    MessageTooLarge,
    NotAllowed,
    NotImplementedHere,
    ServiceBusError,
)
from retrain.local.servicebus.messages import BATCH, ticks, unbatch
from retrain.local.servicebus.sas import Right
from retrain.local.servicebus.wire.claims import Claim
from retrain.local.servicebus.wire.incoming import IncomingLink
from retrain.local.servicebus.wire.outgoing import OutgoingLink
from retrain.local.servicebus.wire.requests import Requests
from retrain.local.servicebus.wire.suffering import suffer

if TYPE_CHECKING:
    from retrain.local.servicebus.wire.session import Session

_CBS: Final = "$cbs"
_MANAGEMENT: Final = "/$management"
_RECEIVE_AND_DELETE: Final = 1
_SESSION_FILTER: Final = "com.microsoft:session-filter"
_TIMEOUT: Final = "com.microsoft:timeout"
#: How long a client waits for a session that does not say how long, in milliseconds.
_PATIENCE: Final = 60_000
_NULL: Final = Encoded(b"\x40")
_FILTERS: Final = 7  # the field of a source
#: However large a message may be, the service takes no larger batch.
_BATCH: Final = 1 << 20
#: What the SDK puts around a batch that it has filled to the limit: ids and a partition key.
_ENVELOPE: Final = 1 << 10
#: The target of a link that controls transactions, by number and by name.
_COORDINATOR: Final = (0x30, "amqp:coordinator:list")


class Sending:
    """The sink of a link into a queue or topic."""

    def __init__(self, session: Session, entity: Entity) -> None:
        self._session = session
        self._entity = entity
        self.entity: str | None = entity.name
        self.told = entity.settings.max_message_bytes
        self.limit = self.told + _ENVELOPE

    def take(self, payload: bytes, message_format: int | None) -> None:
        batch = message_format == BATCH
        limit = min(self.told, _BATCH) if batch else self.told
        if len(payload) > limit + _ENVELOPE * batch:
            raise MessageTooLarge(limit, len(payload))
        messages = unbatch(payload, message_format)
        if self._session.namespace.faults.armed:
            first = messages[0].session_id if messages else None
            connection, entity = self._session.connection, self._entity
            suffer(connection, "send", entity.name, lambda: entity.put(messages), first)
        else:
            self._entity.put(messages)
        self._entity.calls["send"] += 1


class Attaching:
    """One wish. `link` is what it may become; it is registered, though perhaps never attached."""

    def __init__(self, session: Session, attach: Attach, body: bytes) -> None:
        self._session = session
        self._attach = attach
        raw = raw_items(body, 3)
        self._raw = raw + [_NULL] * (14 - len(raw))

    def perform(self) -> None:
        """Attach, refuse, or wait for a session."""
        try:
            claim = self._claimed()
            if self._session.namespace.faults.armed:
                self._suffer()
            link = self._receiver() if self._attach.role else self._sender()
        except ServiceBusError as error:
            self.refuse(error)
            return
        link.claim = claim
        self._session.links[self._attach.handle] = link
        if isinstance(link, OutgoingLink) and link.queue and link.queue.sessions:
            self._accept_session(link, link.queue.sessions)
        else:
            self._accept(link)

    def _suffer(self) -> None:
        """Raises Imposed: the link is refused."""
        attach = self._attach
        path = self._path(attach.source if attach.role else attach.target)
        if path != _CBS:
            wanted = self._filters().get(_SESSION_FILTER) if attach.role else None
            operation = "accept_session" if _SESSION_FILTER in self._filters() else "attach"
            session = wanted if isinstance(wanted, str) else None
            entity = path.removesuffix(_MANAGEMENT)
            suffer(self._session.connection, operation, entity, lambda: None, session)

    def refuse(self, error: ServiceBusError) -> None:
        attach = self._attach
        self._session.links.pop(attach.handle, None)
        self.answer_nowhere()
        self._session.send_detach(attach.handle, error)

    def answer_nowhere(self) -> None:
        """Our side of a link that won't be."""
        attach = self._attach
        count = UInt(0) if attach.role else None
        self._session.send(
            *(0x12, attach.name, UInt(attach.handle), not attach.role, *(None,) * 6, count)
        )

    def _accept(
        self,
        link: IncomingLink | OutgoingLink,
        source: Encoded | None = None,
        properties: dict[Any, Any] | None = None,
    ) -> None:
        attach, raw = self._attach, self._raw
        limit = link.limit if isinstance(link, IncomingLink) else None
        self._session.send(
            *(0x12, attach.name, UInt(attach.handle), not attach.role, raw[3], raw[4]),
            *(source or raw[5], raw[6], None, None, UInt(0) if attach.role else None),
            *(limit and ULong(limit), None, None, properties or {}),
        )
        link.attached()

    def _claimed(self) -> Claim | None:
        """What the link needs; None for `$cbs`. Raises Unauthorized."""
        receives = self._attach.role
        path = self._path(self._attach.source if receives else self._attach.target)
        if path == _CBS:
            return None
        rights = (Right.LISTEN,) if receives else (Right.SEND,)
        claim = Claim(path, tuple(Right) if path.endswith(_MANAGEMENT) else rights)
        self._session.connection.claims.require(claim)
        return claim

    def _sender(self) -> IncomingLink:
        path = self._path(self._attach.target)
        sink: Sending | Requests
        if path == _CBS or path.endswith(_MANAGEMENT):
            sink = Requests(self._session, path, self._managed(path))
        else:
            sink = Sending(self._session, self._session.namespace.sending(path))
        return IncomingLink(self._session, self._attach.name, self._attach.handle, sink)

    def _receiver(self) -> OutgoingLink:
        attach = self._attach
        path = self._path(attach.source)
        replies = path == _CBS or path.endswith(_MANAGEMENT)
        queue = None if replies else self._session.namespace.receiving(path)
        if replies:
            self._managed(path)
        elif queue:
            queue.check_receivers()
            self._check_sessions(queue)
        target = _address(attach.target)
        link = OutgoingLink(self._session, attach.name, attach.handle, path, target, queue)
        link.removes = attach.snd_settle_mode == _RECEIVE_AND_DELETE
        return link

    def _managed(self, path: str) -> Entity | None:
        if path == _CBS:
            return None
        return self._session.namespace.find(path.removesuffix(_MANAGEMENT))

    def _path(self, node: Described | None) -> str:
        address = _address(node)
        if node and node.descriptor in _COORDINATOR:
            raise NotImplementedHere("There are no transactions here: no link can control one.")
        if address is None:
            raise NotImplementedHere("A link without an address is not served: name an entity.")
        if "://" in address:
            address = address.split("://", 1)[1].partition("/")[2]
        return address.strip("/").lower()

    # -- sessions

    def _filters(self) -> dict[Any, Any]:
        source = self._attach.source
        fields = source.value if source and isinstance(source.value, list) else []
        found = fields[_FILTERS] if len(fields) > _FILTERS else None
        return found if isinstance(found, dict) else {}

    def _check_sessions(self, queue: Queue) -> None:
        if queue.sessions and _SESSION_FILTER not in self._filters():
            raise NotAllowed(
                f"The queue '{queue.name}' requires sessions: a receiver must ask for one, "
                "by its id or the next available."
            )
        if not queue.sessions and _SESSION_FILTER in self._filters():
            raise NotAllowed(
                f"The queue '{queue.name}' does not require sessions: a receiver can't ask for one."
            )

    def _accept_session(self, link: OutgoingLink, line: sessions.Sessions) -> None:
        wanted = self._filters()[_SESSION_FILTER]
        if isinstance(wanted, Described):
            wanted = wanted.value
        source = raw_items(self._raw[5], 3)  # what is malformed shows here, not when one is free

        def accepted(outcome: sessions.Session | ServiceBusError) -> None:
            link.waiting = False
            if isinstance(outcome, ServiceBusError):
                self.refuse(outcome)
                return
            link.session_id = outcome.id
            assert link.queue is not None
            link.queue.calls["accept_session"] += 1
            until = {Symbol("com.microsoft:locked-until-utc"): ticks(outcome.until)}
            self._accept(link, _with_session(source, outcome.id), until)

        if wanted is None:
            link.waiting = True
            self._session.waiting[link.handle] = self
            line.accept_next(link, accepted, self._patience())
            return
        try:
            accepted(line.accept(str(wanted), link))
        except ServiceBusError as error:
            self.refuse(error)

    def _patience(self) -> float:
        """Seconds."""
        wanted = (self._attach.properties or {}).get(_TIMEOUT, _PATIENCE)
        return (wanted if isinstance(wanted, int) else _PATIENCE) / 1000


def _address(node: Described | None) -> str | None:
    """Of a source or a target."""
    fields = node.value if node and isinstance(node.value, list) else []
    return fields[0] if fields and isinstance(fields[0], str) else None


def _with_session(source: list[Encoded], session_id: str) -> Encoded:
    """The client's own source, to the letter, but with the session it got."""
    fields = source + [_NULL] * (_FILTERS + 1 - len(source))
    fields[_FILTERS] = Encoded(encode({Symbol(_SESSION_FILTER): session_id}))
    return Encoded(encode_described_list(0x28, *fields))
