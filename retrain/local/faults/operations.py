"""The names of operations, so that a rule which could never match is refused.

They are those that a service's `calls` count. Batch's own table of routes has its names; it is
looked up when a rule names one, since the emulator itself stands on this package.
"""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Final

from shared.jobs.problems import refusal

#: What clients of Service Bus ask on links, through `$management`, and over https (administer).
SERVICEBUS: Final = frozenset(
    {
        *("attach", "accept_session", "send"),
        *("complete", "abandon", "defer", "dead_letter", "release", "renew_lock"),
        *("peek", "receive", "schedule", "cancel_scheduled"),
        *("renew_session_lock", "get_session_state", "set_session_state", "list_sessions"),
        *("add_rule", "remove_rule", "enumerate_rules", "administer"),
    }
)


def batch() -> frozenset[str]:
    """As the SDK calls them."""
    from retrain.local.batch.routes import OPERATIONS

    return frozenset(name for name, *_ in OPERATIONS)


def servicebus() -> frozenset[str]:
    """As in `SERVICEBUS`."""
    return SERVICEBUS


def one_of(known: Callable[[], Iterable[str]]) -> Callable[[str], str]:
    """A validator: the pattern must fit one of the names."""

    def check(pattern: str) -> str:
        names = sorted(known())
        if not any(fnmatchcase(name, pattern.lower()) for name in names):
            close = get_close_matches(pattern, names, 1)
            remedy = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(names)}"
            raise refusal(f"there is no operation '{pattern}'", remedy)
        return pattern

    return check
