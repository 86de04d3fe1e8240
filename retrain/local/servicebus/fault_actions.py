"""What the control endpoint of faults can do to Service Bus at once."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from retrain.local.servicebus.engine.entities import Entity
from retrain.local.servicebus.engine.namespace import Namespace
from retrain.local.servicebus.engine.topic import Topic
from retrain.local.servicebus.errors import EntityNotFound
from retrain.local.servicebus.wire.connection import Connection
from retrain.local.servicebus.wire.suffering import LinkClosed
from shared.jobs import InvalidDocument, Problem

_CLOSED: Final = LinkClosed("amqp:link:detach-forced", "The link was closed by the service.")


def close_links(
    namespace: Namespace, guests: Iterable[object], body: Mapping[str, Any]
) -> Mapping[str, Any]:
    """{"entity": path}: detach every client's links to it. Raises InvalidDocument."""
    name = _entity(namespace, body).name
    connections = (guest for guest in guests if isinstance(guest, Connection))
    links = [link for each in connections for link in each.links() if link.entity == name]
    for link in links:
        link.ended(_CLOSED)
    return {"links": len(links)}


def lose_locks(namespace: Namespace, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """{"entity": path}: end every lock on its messages and sessions. Raises InvalidDocument."""
    found = _entity(namespace, body)
    if isinstance(found, Topic):
        remedy = "name one of its subscriptions: topic/Subscriptions/name"
        raise InvalidDocument([Problem(("entity",), "is a topic, and holds no locks", remedy)])
    return {"locks": found.locks.lose_all()}


def _entity(namespace: Namespace, body: Mapping[str, Any]) -> Entity:
    for name in body:
        if name != "entity":
            raise InvalidDocument([Problem((name,), "unknown field", "known is entity")])
    try:
        return namespace.find(str(body.get("entity")))
    except EntityNotFound:
        remedy = "name a queue, a topic, or topic/Subscriptions/name"
        raise InvalidDocument([Problem(("entity",), "there is none such", remedy)]) from None
