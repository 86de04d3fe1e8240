"""What befalls the messages of one queue while rules of faults are in force."""

from retrain.local.faults import Faults
from retrain.local.faults.servicebus import Duplicate, Late, LostLock
from retrain.local.servicebus.messages import Message

_SERVICE = "servicebus"


class Misfortune:
    """Asked by the queue, at three points, only while `armed`."""

    def __init__(self, faults: Faults, entity: str) -> None:
        self._faults = faults
        self._entity = entity

    @property
    def armed(self) -> bool:
        return self._faults.armed

    def lateness(self, message: Message) -> float:
        """Seconds until a message that was just accepted enters the queue; 0: at once."""
        struck = self._faults.strike(_SERVICE, Late, **self._facts(message))
        return struck.draw(struck.rule.seconds) if struck else 0.0

    def lock_seconds(self, message: Message) -> float | None:
        """After how long the lock of a message that was just delivered is lost; None: it is not."""
        struck = self._faults.strike(_SERVICE, LostLock, **self._facts(message))
        return struck.draw(struck.rule.seconds) if struck else None

    def comes_again(self, message: Message) -> bool:
        """Whether a message that is completed comes once more all the same."""
        return self._faults.strike(_SERVICE, Duplicate, **self._facts(message)) is not None

    def _facts(self, message: Message) -> dict[str, str]:
        facts = {"entity": self._entity}
        if message.session_id is not None:
            facts["session"] = message.session_id
        return facts
