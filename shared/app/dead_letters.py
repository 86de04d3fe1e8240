"""What could not be processed: listed with its reason, sent again, dropped, counted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from shared import wire
from shared.app.at_once import at_once
from shared.app.refusals import Refusal, Refusals
from shared.domain.errors import NotFound, Permanent, RetrainError
from shared.ports.bus import EVENTS, MAX_DELIVERIES, QUEUES
from shared.ports.dead_letters import DeadLetter, DeadLetters
from shared.ports.registry import Registry
from shared.ports.telemetry import SILENT, Telemetry

#: The registry's kind and name of how many there are.
KIND: Final = "counted"
_NAME: Final = "dead-letters"
#: Of each queue so many are counted; who has more won't care for how many.
COUNTED: Final = 250
#: A count that is older says nothing.
_FRESH: Final = timedelta(minutes=15)
#: What is the same as before is written only so often.
_REWRITTEN: Final = timedelta(minutes=5)
#: The health endpoint needs no key: however often it is asked, storage is asked only so often.
_REMEMBERED: Final = timedelta(seconds=5)
_REMEDY: Final = "`retrain dead-letters list` shows those there are."


@dataclass(frozen=True, slots=True)
class Shown:
    """A dead letter with what is known of it. about: what it says, in a word or two.

    noted: whether the code, message and remedy are those of a door; else they are the queue's.
    """

    letter: DeadLetter
    about: str
    refusal: Refusal
    noted: bool

    @property
    def id(self) -> str:
        return f"{self.letter.queue}/{self.letter.number}"


@dataclass(frozen=True, slots=True)
class Counted:
    """count: of each queue COUNTED at most."""

    count: int
    at: datetime


@dataclass(slots=True)
class _Memory:
    """The last count that was read, and when."""

    counted: Counted | None = None
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeadLetterDesk:
    letters: DeadLetters
    refusals: Refusals
    registry: Registry
    now: Callable[[], datetime]
    telemetry: Telemetry = SILENT
    _memory: _Memory = field(default_factory=_Memory)

    def list(self, queues: Sequence[str], limit: int, after: int = 0) -> Sequence[Shown]:
        """Of each queue the first `limit` above the number `after`. Raises NotFound, Transient."""
        found = [one for queue in queues for one in self._letters(queue, limit, after)]
        return at_once(found, self._shown)

    def show(self, queue: str, number: int) -> Shown:
        """Raises NotFound."""
        return self._shown(self._letter(queue, number))

    def resubmit(self, queue: str, number: int) -> str:
        """Send it once more to where it came from; returns the new message's id.

        Raises NotFound. Dying in between leaves both; asked again, the bus drops the second copy,
        and once it has forgotten that one, whoever gets it finds his work done.
        """
        letter = self._letter(queue, number)
        sent = self.letters.resubmit(queue, number)
        if sent is None:
            raise _missing(queue, number)
        self._forget(letter)
        return sent

    def drop(self, queue: str, number: int) -> None:
        """Remove it for good. Raises NotFound."""
        letter = self._letter(queue, number)
        if not self.letters.drop(queue, number):
            raise _missing(queue, number)
        self._forget(letter)

    def count(self) -> None:
        """Write down how many there are, for `counted`: a call for each queue. It never fails."""
        try:
            count = sum(len(self.letters.list(queue, COUNTED)) for queue in QUEUES)
        except RetrainError:
            return  # in time the last count says nothing any more
        self.telemetry.counted(count)
        before, now = self._read(), self.now()
        if before is None or before.count != count or now - before.at > _REWRITTEN:
            self.registry.put(KIND, _NAME, {"count": count, "at": now.isoformat()})

    def counted(self) -> Counted | None:
        """What was counted last; None when nobody did of late. Some seconds old."""
        memory, now = self._memory, self.now()
        if memory.read_at is None or now - memory.read_at > _REMEMBERED:
            memory.counted, memory.read_at = self._read(), now
        counted = memory.counted
        return counted if counted and now - counted.at < _FRESH else None

    def _read(self) -> Counted | None:
        document = self.registry.get(KIND, _NAME)
        if document is None:
            return None
        return Counted(document["count"], datetime.fromisoformat(document["at"]))

    def _letters(self, queue: str, limit: int, after: int) -> Sequence[DeadLetter]:
        if queue not in QUEUES:
            raise NotFound("queue", queue, f"There are {' and '.join(QUEUES)}.")
        return self.letters.list(queue, limit, after)

    def _letter(self, queue: str, number: int) -> DeadLetter:
        for letter in self._letters(queue, 1, number - 1):
            if letter.number == number:
                return letter
        raise _missing(queue, number)

    def _shown(self, letter: DeadLetter) -> Shown:
        noted = self.refusals.of_message(letter.queue, letter.id, letter.run, letter.body)
        return Shown(letter, _about(letter), noted or _by_the_queue(letter), noted is not None)

    def _forget(self, letter: DeadLetter) -> None:
        self.refusals.forget(letter.queue, letter.id, letter.run, letter.body)


def _missing(queue: str, number: int) -> NotFound:
    return NotFound("dead letter", f"{queue}/{number}", _REMEDY)


def _about(letter: DeadLetter) -> str:
    try:
        if letter.queue == EVENTS:
            return wire.decode_event(letter.body)[1].kind
        source = wire.decode_request(letter.body).source
    except Permanent:
        return "can't be read"
    return " ".join(word for word in (source.kind, source.schedule) if word)


def _by_the_queue(letter: DeadLetter) -> Refusal:
    """All that can be said when no door noted why."""
    if letter.reason == "MaxDeliveryCountExceeded":
        message = (
            f"It was delivered {MAX_DELIVERIES} times and each time failed, without a reason that "
            "was noted: the process died, the function ran out of time, or storage was away."
        )
        remedy = "See the app's log of that time; then send it again."
    elif letter.reason == "TTLExpiredException":
        message = "Nobody took it from its queue as long as it was to be kept there."
        remedy = "See that the Function App runs; then send it again."
    else:
        message = letter.description or letter.reason or "Somebody put it there without a reason."
        remedy = "Send it again, or drop it."
    return Refusal(
        queue=letter.queue,
        at=letter.enqueued_at,
        deliveries=0,
        code=letter.reason or "Unknown",
        message=message,
        remedy=remedy,
    )
