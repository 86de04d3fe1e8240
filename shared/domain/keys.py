"""Names that are derived, never random: the same request is the same run, twice or ten times."""

import hashlib
import re
from datetime import UTC, datetime
from typing import Final

#: Every Batch id of ours starts with this, so that the watch knows its own.
BATCH_PREFIX: Final = "retrain-"
_RUN_NAME = re.compile(r"\d{8}-\d{9}-[0-9a-f]{8}")
_ATTEMPT_KEY = re.compile(rf"({_RUN_NAME.pattern})-(\d+)")


def digest(*parts: str) -> str:
    """SHA-256 in hex of the parts; no two lists of parts share one (each carries its length)."""
    joined = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(joined.encode()).hexdigest()


def run_name(request_id: str, at: datetime) -> str:
    """`YYYYMMDD-HHMMSSmmm-<8 hex>`, UTC: sortable by time, one for each (request, time)."""
    moment = at.astimezone(UTC)
    stamp = f"{moment:%Y%m%d-%H%M%S}{moment.microsecond // 1000:03d}"
    return f"{stamp}-{digest(request_id)[:8]}"


def is_run_name(text: str) -> bool:
    return _RUN_NAME.fullmatch(text) is not None


def attempt_key(run: str, attempt: int) -> str:
    """Names an attempt's Batch job, its blobs and its messages; 64 characters at most as an id."""
    return f"{run}-{attempt}"


def checkpoints_container(run: str) -> str:
    """Of the run's checkpoints: a container of their own, so that its nodes have a key to it alone.

    63 characters at most, of small letters, digits and dashes.
    """
    return f"checkpoints-{run}"


def split_attempt_key(key: str) -> tuple[str, int] | None:
    """The run's name and the attempt's number, or None when the key isn't one of ours."""
    match = _ATTEMPT_KEY.fullmatch(key)
    return (match[1], int(match[2])) if match else None
