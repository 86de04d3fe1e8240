"""What can befall a request to Blob Storage.

Storage says that it is busy with 503 ServerBusy, not with 429.
"""

from typing import Literal

from pydantic import Field

from retrain.local.faults import http
from retrain.local.faults.rule import Glob, Rule, Where


class BlobWhere(Where):
    """operation: as in "PUT blob blocklist", "GET container list"."""

    operation: Glob | None = None
    container: Glob | None = None
    blob: Glob | None = None


class BlobRule(Rule):
    """Any fault of Blob Storage."""

    service: Literal["blob"] = "blob"
    where: BlobWhere = BlobWhere()


class Throttle(http.Throttle, BlobRule):
    """503 ServerBusy."""

    status: int = Field(default=503, ge=400, le=599)
    code: str = Field(default="ServerBusy", min_length=1)
    retry_after: int | None = Field(default=None, ge=0)


class Error(http.Error, BlobRule):
    """500 InternalError, or what it says."""


class Drop(http.Drop, BlobRule):
    """See http.Drop."""


class Stall(http.Stall, BlobRule):
    """See http.Stall."""


class Latency(http.Latency, BlobRule):
    """See http.Latency."""
