"""Messages that could not be processed, as Python calls; `Client` has all of these."""

from collections.abc import Iterator
from typing import Any, Final, cast
from urllib.parse import quote

from retrain.client.connection import Connection
from retrain.client.records import DeadLetter, DeadLetterContent

QUEUES: Final = ("training-requests", "run-events")
PAGE: Final = 250  # asked for at once


class DeadLetterCalls:
    """What `Client` can be asked about dead letters. Their ids are as `run-events/7`."""

    _connection: Connection

    def list_dead_letters(self, queue: str | None = None) -> Iterator[DeadLetter]:
        """Yield those of one queue, or of both, oldest first; asked for as they are needed."""
        for name in QUEUES if queue is None else (queue,):
            params: dict[str, Any] = {"queue": name, "limit": PAGE, "after": 0}
            full = True
            while full:
                answer = self._connection.json("GET", "/api/dead-letters", params=params)
                page: list[DeadLetter] = answer["dead_letters"]
                yield from page
                full = len(page) == PAGE
                params["after"] = page[-1]["number"] if page else 0

    def get_dead_letter(self, identity: str) -> DeadLetterContent:
        return cast(DeadLetterContent, self._connection.json("GET", _letter(identity)))

    def resubmit_dead_letter(self, identity: str) -> dict[str, str]:
        """Send it to its queue once more: {"id": …, "message_id": the new message's}."""
        answer = self._connection.json("POST", f"{_letter(identity)}/resubmit")
        return cast(dict[str, str], answer)

    def drop_dead_letter(self, identity: str) -> None:
        """Remove it for good; raises ApiError (404) when there is none of that id."""
        self._connection.api("DELETE", _letter(identity))


def _letter(identity: str) -> str:
    queue, _, number = identity.rpartition("/")
    return f"/api/dead-letters/{quote(queue, safe='')}/{quote(number, safe='')}"
