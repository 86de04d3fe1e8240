"""The way into a queue or topic: what is refused, what is a duplicate, what waits for its time."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from retrain.local.servicebus.engine.admission import check_sending
from retrain.local.servicebus.engine.clock import Clock
from retrain.local.servicebus.engine.duplicates import Duplicates
from retrain.local.servicebus.engine.holding import Holding
from retrain.local.servicebus.engine.misfortune import Misfortune
from retrain.local.servicebus.engine.timetable import Timetable
from retrain.local.servicebus.errors import MessageTooLarge, NotAllowed, ServiceBusError
from retrain.local.servicebus.messages import Message, State
from retrain.local.servicebus.settings import QueueSettings, TopicSettings
from retrain.local.servicebus.store import QueueStore


class Home(Protocol):
    """The entity behind the intake. accessed_at: when it last took or gave something.

    gone: why it takes nothing any more.
    """

    accessed_at: float
    gone: ServiceBusError | None

    @property
    def settings(self) -> QueueSettings | TopicSettings: ...

    @property
    def held(self) -> Holding: ...

    def hold(self, message: Message) -> None:
        """Keep a message that is scheduled."""

    def drop(self, message: Message) -> None:
        """Keep it no more."""

    def begin(self, message: Message, hops: int) -> None:
        """Make it active. hops: how many entities have forwarded it."""


class Intake:
    """Of one entity. sessions: whether a message needs a session id."""

    def __init__(
        self, home: Home, store: QueueStore, clock: Clock, fate: Misfortune, *, sessions: bool
    ) -> None:
        self._home = home
        self._store = store
        self._clock = clock
        self._fate = fate
        self._sessions = sessions
        self._schedule = Timetable[int](clock, self._due)
        window = home.settings.duplicate_window
        self._duplicates = None if window is None else Duplicates(window, store)

    def restore(self) -> None:
        """Take up what the store remembers of ids; messages come by `keep`."""
        if self._duplicates:
            self._duplicates.restore()

    def keep(self, message: Message) -> None:
        """A scheduled message that is held already."""
        assert message.scheduled_at is not None
        self._schedule.set(message.sequence_number, message.scheduled_at)

    def stop(self) -> None:
        self._schedule.stop()

    def change(self, duplicate_window: float | None) -> None:
        """From now on; ids that are known already stay as long as was said."""
        if self._duplicates and duplicate_window is not None:
            self._duplicates.window = duplicate_window

    def put(self, messages: Sequence[Message]) -> list[int]:
        """Accept all of them, or none. Returns sequence numbers; 0 stands for a duplicate.

        Raises NotAllowed for a message without the session id that is required, MessageTooLarge,
        QuotaExceeded, EntityDisabled.
        """
        if self._home.gone:
            raise self._home.gone
        self._home.accessed_at = self._clock.now()
        settings = self._home.settings
        check_sending(settings, self._home.held.size)
        for message in messages:
            if self._sessions and message.session_id is None:
                raise NotAllowed(
                    f"The queue '{settings.path}' requires sessions, and a message has no session "
                    "id. Set session_id on each message."
                )
            if message.size > settings.max_message_bytes:
                raise MessageTooLarge(settings.max_message_bytes, message.size)
        return [self._accept(message) for message in messages]

    def _accept(self, message: Message) -> int:
        now = self._clock.now()
        if self._duplicates and self._duplicates.seen(message.message_id, now):
            return 0
        message.sequence_number = self._store.next_sequence_number()
        message.enqueued_sequence_number = message.sequence_number
        message.enqueued_at = now
        if self._fate.armed and (late := self._fate.lateness(message)):
            message.scheduled_at = max(now, message.scheduled_at or now) + late
        if message.scheduled_at and message.scheduled_at > now:
            message.state = State.SCHEDULED
            self._home.hold(message)
            self.keep(message)
        else:
            self._begin(message, 0)
        return message.sequence_number

    def arrive(self, message: Message, hops: int) -> None:
        """A message that another entity hands on; it keeps the number it first had."""
        if self._duplicates and self._duplicates.seen(message.message_id, self._clock.now()):
            return
        self.renumber(message)
        self._begin(message, hops)

    def _due(self, sequence_number: int) -> None:
        """A scheduled message's time has come: it is as if it were sent now."""
        message = self._home.held.messages[sequence_number]
        self._home.drop(message)
        self.renumber(message)
        self._begin(message, 0)

    def renumber(self, message: Message) -> None:
        """As if it came now."""
        message.sequence_number = self._store.next_sequence_number()
        message.enqueued_at = self._home.accessed_at = self._clock.now()

    def _begin(self, message: Message, hops: int) -> None:
        limit = self._home.settings.time_to_live
        if limit is not None and (message.time_to_live is None or message.time_to_live > limit):
            message.time_to_live = limit
        self._home.begin(message, hops)

    def cancel(self, sequence_numbers: Iterable[int]) -> None:
        """Take back scheduled messages. Raises MessageNotFound, and then none is."""
        numbers = dict.fromkeys(sequence_numbers)
        found = [self._home.held.in_state(number, State.SCHEDULED) for number in numbers]
        for message in found:
            self._schedule.drop(message.sequence_number)
            self._home.drop(message)

    @property
    def scheduled(self) -> int:
        """How many messages wait for their time."""
        return len(self._schedule)
