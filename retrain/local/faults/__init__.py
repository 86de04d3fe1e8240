"""Faults on demand: what the cloud does now and then, when and as often as you say.

    plan, reading   rules, from `faults.yml` or JSON, checked to the letter
    batch, blob, servicebus, http   the kinds of fault
    rule, span, dice   what rules have in common, and chance that repeats itself
    live            the rules in force, their counts, and the question that the services ask
    control         the endpoint that shows and changes them while a service runs

The services know nothing of plans: at each point where something can go wrong they ask `Faults`,
and only while `armed` is true.
"""

from retrain.local.faults.action import Action
from retrain.local.faults.live import Faults, NameTaken, Struck, UnknownRule
from retrain.local.faults.plan import Plan, parse_plan, parse_rule
from retrain.local.faults.reading import read_plan
from retrain.local.faults.rule import Rule
from retrain.local.faults.span import Span, seconds

__all__ = [
    "Action",
    "Faults",
    "NameTaken",
    "Plan",
    "Rule",
    "Span",
    "Struck",
    "UnknownRule",
    "parse_plan",
    "parse_rule",
    "read_plan",
    "seconds",
]
