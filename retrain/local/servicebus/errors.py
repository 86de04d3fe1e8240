"""What Service Bus refuses, with the conditions and statuses that its SDKs turn into exceptions.

ServiceBusError
├── EntityNotFound, MessageNotFound     404
├── LockLost                            410   the message's lock
│   └── SessionLockLost                 410   the session's
├── SessionTaken, NoSession                   a session can't be had
├── Unauthorized                    401   no token, or not one for this
├── AccessExpired                         the token of an open link is no longer good
├── NotAllowed, BadRequest              400
│   ├── InvalidEntity                   400   an entity can't be, or become, such
│   └── OutOfRange                      400
├── EntityExists                        409
├── EntityDisabled, QuotaExceeded       403
├── MessageTooLarge, TooMuch
└── NotImplementedHere                  501
"""


class ServiceBusError(Exception):
    """`condition` is the AMQP error condition, `status` what a management reply carries."""

    condition = "amqp:internal-error"
    status = 400


class EntityNotFound(ServiceBusError):
    condition = "amqp:not-found"
    status = 404

    def __init__(self, address: str) -> None:
        super().__init__(
            f"The messaging entity '{address}' could not be found. "
            "Name it in the emulator's config file, or create it."
        )


class EntityExists(ServiceBusError):
    condition = "com.microsoft:entity-already-exists"
    status = 409

    def __init__(self, path: str) -> None:
        super().__init__(f"The messaging entity '{path}' already exists.")


class EntityDisabled(ServiceBusError):
    condition = "com.microsoft:entity-disabled"
    status = 403

    def __init__(self, path: str, status: str) -> None:
        super().__init__(
            f"The messaging entity '{path}' is {status}: its status must allow the operation."
        )


class QuotaExceeded(ServiceBusError):
    condition = "amqp:resource-limit-exceeded"
    status = 403

    def __init__(self, path: str, megabytes: int) -> None:
        super().__init__(
            f"The maximum entity size of '{path}' has been reached: {megabytes} MB. "
            "Receive what is in it first."
        )


class MessageNotFound(ServiceBusError):
    condition = "com.microsoft:message-not-found"
    status = 404

    def __init__(self, what: str = "The message") -> None:
        super().__init__(f"{what} does not exist in the state asked for.")


class LockLost(ServiceBusError):
    condition = "com.microsoft:message-lock-lost"
    status = 410

    def __init__(
        self,
        message: str = "The lock supplied is invalid. Either the lock expired, or the message has "
        "already been removed from the queue.",
    ) -> None:
        super().__init__(message)


class SessionLockLost(LockLost):
    condition = "com.microsoft:session-lock-lost"

    def __init__(self, session_id: str) -> None:
        super().__init__(
            f"The session lock of '{session_id}' has expired or was never held. "
            "Accept the session again."
        )


class SessionTaken(ServiceBusError):
    condition = "com.microsoft:session-cannot-be-locked"
    status = 409

    def __init__(self, session_id: str) -> None:
        super().__init__(
            f"The requested session '{session_id}' cannot be accepted. "
            "It may be locked by another receiver."
        )


class NoSession(ServiceBusError):
    condition = "com.microsoft:timeout"
    status = 408

    def __init__(self) -> None:
        super().__init__(
            "The operation did not complete within the allotted timeout: "
            "no session with a message was free."
        )


class Unauthorized(ServiceBusError):
    condition = "amqp:unauthorized-access"
    status = 401


class AccessExpired(ServiceBusError):
    """The service's own condition: its clients take it for the end of a link, and attach again."""

    condition = "amqp:link:detach-forced"
    status = 401


class NotAllowed(ServiceBusError):
    condition = "amqp:not-allowed"


class BadRequest(ServiceBusError):
    condition = "amqp:invalid-field"


class InvalidEntity(BadRequest):
    """Settings that contradict each other, or a change that an entity can't make."""


class OutOfRange(BadRequest):
    condition = "com.microsoft:argument-out-of-range"


class MessageTooLarge(ServiceBusError):
    condition = "amqp:link:message-size-exceeded"

    def __init__(self, limit: int, size: int) -> None:
        super().__init__(
            f"The received message (size:{size} bytes) exceeds the limit ({limit} bytes) "
            "currently allowed on the link."
        )


class TooMuch(ServiceBusError):
    """More is asked for at once than one client may have."""

    condition = "amqp:resource-limit-exceeded"
    status = 403


class NotImplementedHere(ServiceBusError):
    condition = "amqp:not-implemented"
    status = 501
