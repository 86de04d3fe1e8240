"""Blobs, as far as runs and users need them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

DATA: Final = "data"
SNAPSHOTS: Final = "snapshots"
RUNS: Final = "runs"
OUTPUTS: Final = "outputs"
REGISTRY: Final = "registry"
#: What scripts log. Not in `runs`, where it would make the one list of all runs longer.
TRACKING: Final = "tracking"
CONTAINERS: Final = (DATA, SNAPSHOTS, RUNS, OUTPUTS, REGISTRY, TRACKING)


@dataclass(frozen=True, slots=True)
class File:
    """`md5` is base64, and empty when nobody wrote it down."""

    path: str
    size: int
    modified: datetime
    etag: str
    md5: str = ""


class Files(Protocol):
    """Twins: BlobFiles, SimulatedFiles. An `account` is a storage account's name; "" is our own."""

    def account(self) -> str:
        """The name of our own."""

    def ensure(self, container: str, account: str = "") -> bool:
        """See that the container is there: made, if the account is our own. False when it is not.

        Raises Refused when the account is none that we can sign for.
        """

    def stat(self, container: str, path: str, account: str = "") -> File | None: ...

    def list(self, container: str, prefix: str, account: str = "") -> Sequence[File]: ...

    def read(self, container: str, path: str, offset: int = 0, limit: int | None = None) -> bytes:
        """Up to `limit` bytes from `offset`; none at all past the end. Raises NotFound."""

    def write(self, container: str, path: str, content: bytes) -> None: ...


class Links(Protocol):
    """Addresses that let somebody else read or write for a while, without a key of ours."""

    def reading(self, container: str, path: str, lasting: timedelta, account: str = "") -> str: ...

    def writing(self, container: str, path: str, lasting: timedelta) -> str:
        """For one blob, once there or not."""
