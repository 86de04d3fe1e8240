"""What the rules of an HTTP service do with one request, before the service has its way with it."""

from dataclasses import dataclass

from retrain.local.faults.http import Latency, RequestFault, Stall
from retrain.local.faults.live import Faults


@dataclass(frozen=True, slots=True)
class Meddling:
    """delay: seconds until the request is looked at. silence: seconds of a stall, drawn."""

    delay: float
    fault: RequestFault | None
    silence: float = 0.0


def meddle(faults: Faults, service: str, /, **facts: str) -> Meddling:
    """Ask the rules once for this request."""
    waits = faults.strikes(service, Latency, **facts)
    delay = sum(struck.draw(struck.rule.seconds) for struck in waits)
    struck = faults.strike(service, RequestFault, **facts)
    if struck is None:
        return Meddling(delay, None)
    fault = struck.rule
    return Meddling(delay, fault, struck.draw(fault.seconds) if isinstance(fault, Stall) else 0.0)
