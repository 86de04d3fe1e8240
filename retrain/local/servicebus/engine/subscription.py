"""A subscription: rules, and the queue of what they let in."""

from copy import copy

from retrain.local.servicebus.engine.queue import Queue
from retrain.local.servicebus.messages import Message
from retrain.local.servicebus.settings import FalseFilter, RuleSettings, SubscriptionSettings


class Subscription:
    """rules: by name, in lower case."""

    def __init__(self, settings: SubscriptionSettings, queue: Queue) -> None:
        self.settings = settings
        self.queue = queue
        self.rules: dict[str, RuleSettings] = {}

    def offer(self, message: Message, hops: int) -> None:
        """Take a copy of what the topic got, if a rule matches."""
        if any(not isinstance(rule.filter, FalseFilter) for rule in self.rules.values()):
            self.queue.intake.arrive(copy(message), hops)
