"""Where build contexts lie: blobs named by the SHA-256 of their tar file before compression."""

from datetime import timedelta
from typing import Final

#: How long a builder may take to fetch one.
LASTING: Final = timedelta(hours=2)


def context_blob(digest: str) -> str:
    """Its path in container `snapshots`."""
    return f"contexts/{digest}.tar.gz"
