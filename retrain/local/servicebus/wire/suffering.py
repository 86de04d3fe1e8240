"""A client's wish while rules of faults are in force: granted, refused, or its answer lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from retrain.local.faults.servicebus import (
    ClosedLink,
    Drop,
    Error,
    Latency,
    OperationFault,
    Throttle,
)
from retrain.local.servicebus.errors import ServiceBusError

if TYPE_CHECKING:
    from retrain.local.servicebus.engine.namespace import Namespace

_SERVICE: Final = "servicebus"

Result = TypeVar("Result")


class Line(Protocol):
    """What a client is connected by."""

    @property
    def namespace(self) -> Namespace: ...

    def hold(self, seconds: float) -> None:
        """Say nothing for so long; then all of it, in order."""

    def abort(self) -> None:
        """Cut it, without a word."""


class Imposed(ServiceBusError):
    """An error that a rule asked for, with its own condition and status."""

    def __init__(self, condition: str, message: str, status: int = 500) -> None:
        super().__init__(message)
        self.condition = condition
        self.status = status


class LinkClosed(Imposed):
    """The link is to be detached with this error, in place of an answer."""


class Cut(Imposed):
    """The connection is gone: whoever still answers answers to nobody."""


def suffer(
    line: Line,
    operation: str,
    entity: str,
    do: Callable[[], Result],
    session: str | None = None,
) -> Result:
    """Do it with what the rules say in its way. Raises Imposed and what `do` raises."""
    faults = line.namespace.faults
    facts = {"operation": operation, "entity": entity}
    if session is not None:
        facts["session"] = session
    for late in faults.strikes(_SERVICE, Latency, **facts):
        line.hold(late.draw(late.rule.seconds))
    struck = faults.strike(_SERVICE, OperationFault, **facts)
    rule = struck.rule if struck else None
    if isinstance(rule, Drop):
        if rule.effect == "after":
            do()
        line.abort()
        raise Cut("amqp:connection:forced", "The connection is cut.")
    if isinstance(rule, ClosedLink):
        raise LinkClosed(rule.condition, rule.message)
    if isinstance(rule, Error | Throttle):
        raise Imposed(rule.condition, rule.message, rule.status)
    return do()
