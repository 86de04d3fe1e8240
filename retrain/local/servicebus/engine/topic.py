"""A topic: what is sent to it goes to each of its subscriptions that has a rule for it.

It keeps only what is scheduled. A subscription is a queue behind rules.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from retrain.local.servicebus.engine.admission import check_sending
from retrain.local.servicebus.engine.clock import Clock
from retrain.local.servicebus.engine.holding import Holding
from retrain.local.servicebus.engine.intake import Intake
from retrain.local.servicebus.engine.misfortune import Misfortune
from retrain.local.servicebus.engine.subscription import Subscription
from retrain.local.servicebus.errors import ServiceBusError
from retrain.local.servicebus.messages import Message, State
from retrain.local.servicebus.rules.view import View
from retrain.local.servicebus.settings import TopicSettings
from retrain.local.servicebus.store import QueueStore


class Topic:
    """subscriptions: by name, in lower case. The rest as with a Queue."""

    def __init__(
        self,
        settings: TopicSettings,
        store: QueueStore,
        clock: Clock,
        calls: Counter[str],
        fate: Misfortune,
    ) -> None:
        self.settings = settings
        self.name = settings.name
        self.calls = calls
        self.accessed_at = 0.0
        self.gone: ServiceBusError | None = None
        self.subscriptions: dict[str, Subscription] = {}
        self.held = Holding(store, clock, self.drop)
        self.intake = Intake(self, store, clock, fate, sessions=False)

    def restore(self) -> None:
        """Take up what the store holds."""
        self.intake.restore()
        for message in self.held.restore():
            self.intake.keep(message)

    def open(self) -> None:
        """Nothing: what it holds waits for its time."""

    def stop(self) -> None:
        self.held.stop()
        self.intake.stop()

    def change(self, settings: TopicSettings) -> None:
        """Be as told from now on."""
        self.settings = settings
        self.intake.change(settings.duplicate_window)

    def end(self, error: ServiceBusError) -> None:
        """It is deleted."""
        self.gone = error
        self.stop()

    def put(self, messages: Sequence[Message]) -> list[int]:
        """Accept all of them, or none: see Intake.put."""
        return self.intake.put(messages)

    def cancel(self, sequence_numbers: Iterable[int]) -> None:
        """Take back scheduled messages. Raises MessageNotFound, and then none is."""
        self.intake.cancel(sequence_numbers)

    def arrive(self, message: Message, hops: int) -> None:
        """A message that another entity hands on. Raises EntityDisabled, QuotaExceeded."""
        check_sending(self.settings, self.held.size)
        self.intake.arrive(message, hops)

    def begin(self, message: Message, hops: int) -> None:
        """Give each subscription its copies."""
        message.state = State.ACTIVE
        view = View(message)
        for subscription in self.subscriptions.values():
            subscription.offer(message, view, hops)

    def hold(self, message: Message) -> None:
        self.held.add(message)

    def drop(self, message: Message) -> None:
        self.held.remove(message)
