"""Retry policies: for timers here, as in Azure; elsewhere they would multiply with redelivery.

On a trigger that brings things back by itself (Service Bus, blobs), and on HTTP, the real host
warns that retries are not supported and ignores the policy. So does this one.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retrain.local.host.errors import AppRefused
from retrain.local.host.functions import Function
from retrain.local.host.host_json_values import seconds

log = logging.getLogger(__name__)

#: The policy's defaults for a growing pause.
_LEAST, _MOST = "00:00:01", "00:05:00"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a failed run is tried again (None: for ever), and after which pauses, in seconds.

    growing: the pause doubles from `least` up to `most`; else it is `least` each time.
    """

    count: int | None = 0
    least: float = 0.0
    most: float = 0.0
    growing: bool = False

    def again(self, tried: int) -> bool:
        """Whether there is another try after so many."""
        return self.count is None or tried <= self.count

    def pause(self, tried: int) -> float:
        """Seconds to wait after so many tries."""
        if not self.growing:
            return self.least
        return min(self.most, self.least * 2.0 ** min(tried - 1, 60))


def policy_of(function: Function) -> RetryPolicy:
    """The policy that a function's decorator asks for, if its trigger supports one.

    Raises AppRefused for a policy that the real host would refuse.
    """
    asked = function.retry
    if not asked:
        return RetryPolicy()
    if function.trigger.type != "timerTrigger":
        log.warning("Retries are not supported for function 'Functions.%s'.", function.name)
        return RetryPolicy()
    try:
        return _read(asked)
    except (TypeError, ValueError) as error:
        raise AppRefused(f"Function '{function.name}': its retry policy: {error}.") from error


def _read(asked: Mapping[str, Any]) -> RetryPolicy:
    strategy = asked.get("strategy")
    count = int(asked["max_retry_count"])
    if count < -1:
        raise ValueError(f"max_retry_count is {count}; give 0 or more, or -1 for ever")
    tries = None if count == -1 else count
    if strategy == "fixed_delay":
        if not asked.get("delay_interval"):
            raise ValueError("fixed_delay needs a delay_interval, such as 00:00:10")
        pause = seconds(asked["delay_interval"], "delay_interval")
        return RetryPolicy(tries, pause, pause)
    if strategy == "exponential_backoff":
        least = seconds(asked.get("minimum_interval") or _LEAST, "minimum_interval")
        most = seconds(asked.get("maximum_interval") or _MOST, "maximum_interval")
        if most < least:
            raise ValueError("maximum_interval is less than minimum_interval")
        return RetryPolicy(tries, least, most, growing=True)
    raise ValueError(f"'{strategy}' is no strategy; there are fixed_delay, exponential_backoff")
