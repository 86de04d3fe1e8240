"""What the queues in memory gave up."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.ports.bus import EVENTS, MAX_DELIVERIES, REQUESTS
from shared.ports.dead_letters import DeadLetter
from tests.simulation.twins.bus import Message, SimulatedBus


@dataclass
class SimulatedDeadLetters:
    """DeadLetters, of `bus.dead`. Numbers are given in the order in which they are looked at."""

    bus: SimulatedBus
    _numbers: dict[int, tuple[int, Message]] = field(default_factory=dict)

    def list(self, queue: str, limit: int, after: int = 0) -> Sequence[DeadLetter]:
        found = [
            self._letter(number, message)
            for number, message in self._of(queue).items()
            if number > after
        ]
        return found[:limit]

    def resubmit(self, queue: str, number: int) -> str | None:
        message = self._of(queue).get(number)
        if message is None:
            return None
        first, again = _again(message)
        identity = f"{first}-again-{again + 1}"
        self.bus._accept(identity, message.session, message.body, None)
        self.bus.dead.remove(message)
        return identity

    def drop(self, queue: str, number: int) -> bool:
        message = self._of(queue).get(number)
        if message is None:
            return False
        self.bus.dead.remove(message)
        return True

    def _of(self, queue: str) -> dict[int, Message]:
        for message in self.bus.dead:
            self._numbers.setdefault(id(message), (len(self._numbers) + 1, message))
        numbered = {self._numbers[id(message)][0]: message for message in self.bus.dead}
        return {
            number: message
            for number, message in sorted(numbered.items())
            if queue == (EVENTS if message.session else REQUESTS)
        }

    def _letter(self, number: int, message: Message) -> DeadLetter:
        spent = message.deliveries >= MAX_DELIVERIES
        return DeadLetter(
            queue=EVENTS if message.session else REQUESTS,
            number=number,
            id=message.id,
            run=message.session,
            body=message.body,
            content_type="application/json",
            reason="MaxDeliveryCountExceeded" if spent else "",
            description="",
            enqueued_at=message.visible_at,
            again=_again(message)[1],
        )


def _again(message: Message) -> tuple[str, int]:
    match = re.fullmatch(r"(.*)-again-(\d+)", message.id)
    return (match[1], int(match[2])) if match else (message.id, 0)
