"""What can befall a request over HTTP: what the kinds of Batch and of Blob Storage share.

effect: before, nothing was done; after, it was done, and the client does not know.
"""

from typing import Literal

from pydantic import Field

from retrain.local.faults.rule import Strict
from retrain.local.faults.span import Seconds, seconds

Effect = Literal["before", "after"]


class RequestFault(Strict):
    """The request does not get its answer; the first rule that strikes decides what it gets."""


class Throttle(RequestFault):
    """retry_after: seconds, for the header; none when null."""

    kind: Literal["throttle"] = "throttle"
    status: int = Field(default=429, ge=400, le=599)
    code: str = Field(default="TooManyRequests", min_length=1)
    retry_after: int | None = Field(default=1, ge=0)


class Error(RequestFault):
    """Any status and code, in the form of the service's errors."""

    kind: Literal["error"] = "error"
    status: int = Field(default=500, ge=400, le=599)
    code: str = Field(default="InternalError", min_length=1)
    message: str = Field(
        default="Server encountered an internal error. Please try again after some time."
    )
    effect: Effect = "before"


class Drop(RequestFault):
    """The connection is closed in place of an answer."""

    kind: Literal["drop"] = "drop"
    effect: Effect = "before"


class Stall(RequestFault):
    """Nothing is said for so long; then the connection is closed."""

    kind: Literal["stall"] = "stall"
    seconds: Seconds = seconds(3600)
    effect: Effect = "before"


class Latency(Strict):
    """The request waits so long before it is looked at; what strikes together adds up."""

    kind: Literal["latency"] = "latency"
    seconds: Seconds
