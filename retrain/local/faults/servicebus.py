"""What can befall Service Bus: what is asked of it, its links and locks, the way of a message.

entity is a queue or `topic/Subscriptions/name`; operation is as `calls` count it: send, receive,
complete, renew_lock, accept_session, schedule, …
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from retrain.local.faults import operations
from retrain.local.faults.http import Effect
from retrain.local.faults.operations import one_of
from retrain.local.faults.rule import Glob, Rule, Where
from retrain.local.faults.span import Seconds, seconds


class EntityWhere(Where):
    """session: a message's or a receiver's session id."""

    entity: Glob | None = None
    session: Glob | None = None


class OperationWhere(EntityWhere):
    """operation: which of the client's wishes."""

    operation: Annotated[Glob, AfterValidator(one_of(operations.servicebus))] | None = None


class ServiceBusRule(Rule):
    """Any fault of Service Bus."""

    service: Literal["servicebus"] = "servicebus"


class OperationFault(ServiceBusRule):
    """A wish is not granted, or its answer lost; the first rule that strikes decides."""

    where: OperationWhere = OperationWhere()


class Error(OperationFault):
    """Any AMQP condition; `status` is what a management reply carries."""

    kind: Literal["error"] = "error"
    condition: str = Field(default="amqp:internal-error", min_length=1)
    message: str = "The service was unable to process the request; please retry the operation."
    status: int = Field(default=500, ge=400, le=599)


class Throttle(OperationFault):
    """com.microsoft:server-busy: the SDK waits and tries again."""

    kind: Literal["throttle"] = "throttle"
    condition: str = Field(default="com.microsoft:server-busy", min_length=1)
    message: str = "The request was terminated because the entity is being throttled."
    status: int = Field(default=503, ge=400, le=599)


class Drop(OperationFault):
    """The connection is cut in place of an answer. after: what was asked for is done."""

    kind: Literal["drop"] = "drop"
    effect: Effect = "before"


class ClosedLink(OperationFault):
    """The client's link is detached in place of an answer, and nothing is done."""

    kind: Literal["closed_link"] = "closed_link"
    condition: str = Field(default="amqp:link:detach-forced", min_length=1)
    message: str = "The link was closed by the service."


class Latency(ServiceBusRule):
    """All that the connection is told comes so much later; what was asked for is done at once."""

    kind: Literal["latency"] = "latency"
    where: OperationWhere = OperationWhere()
    seconds: Seconds


class MessageFault(ServiceBusRule):
    """A fault on a message's way."""

    where: EntityWhere = EntityWhere()


class LostLock(MessageFault):
    """A delivered message's lock, or that of its session, runs out so long after the delivery."""

    kind: Literal["lost_lock"] = "lost_lock"
    seconds: Seconds = seconds(0)


class Duplicate(MessageFault):
    """A message that was completed, and whose receiver was told so, is delivered once more."""

    kind: Literal["duplicate"] = "duplicate"


class Late(MessageFault):
    """An accepted message enters the queue so much later, and behind what came meanwhile."""

    kind: Literal["late"] = "late"
    seconds: Seconds
