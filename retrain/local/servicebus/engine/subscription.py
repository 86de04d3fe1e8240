"""A subscription: rules, and the queue of what they let in.

However many rules without an action match, there is one copy of the message. Each rule with an
action that matches makes a copy of its own, changed by the action and marked with the rule's name.
"""

from copy import copy
from typing import Final

from retrain.local.servicebus.engine.queue import Queue
from retrain.local.servicebus.messages import Message
from retrain.local.servicebus.rules.errors import FilterError
from retrain.local.servicebus.rules.rule import Rule
from retrain.local.servicebus.rules.view import View
from retrain.local.servicebus.settings import RuleSettings, SubscriptionSettings

_FILTER_ERROR: Final = "FilterException"


class Subscription:
    """One of a topic's. `queue` is what receivers see of it."""

    def __init__(self, settings: SubscriptionSettings, queue: Queue) -> None:
        self.settings = settings
        self.queue = queue
        self._rules: dict[str, Rule] = {}

    def set_rule(self, settings: RuleSettings) -> None:
        """Add or replace one. Raises SyntaxInvalid."""
        self._rules[settings.name.lower()] = Rule(settings)

    def drop_rule(self, name: str) -> None:
        del self._rules[name.lower()]

    def offer(self, message: Message, view: View, hops: int) -> None:
        """Take the copies of what the topic got that the rules ask for."""
        plain = False
        for rule in self._rules.values():
            if plain and not rule.acts:
                continue
            try:
                if not rule.matches(view):
                    continue
                if rule.acts:
                    changed = copy(message)
                    rule.act(changed)
                    self.queue.intake.arrive(changed, hops)
                else:
                    plain = True
            except FilterError as error:
                self._fail(message, str(error))
        if plain:
            self.queue.intake.arrive(copy(message), hops)

    def _fail(self, message: Message, why: str) -> None:
        """A rule could not judge the message: it is a dead letter, or is passed over."""
        if self.settings.dead_letter_filter_errors and self.queue.dead_letters:
            dead = copy(message)
            self.queue.intake.renumber(dead)
            self.queue.dead_letters.bury(dead, _FILTER_ERROR, why)
