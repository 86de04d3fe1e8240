"""Blobs in memory, and addresses that lead nowhere."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from shared.domain.errors import NotFound, Refused
from shared.ports.files import CONTAINERS, File
from tests.simulation.twins.clock import Clock

#: The one account there is in memory.
ACCOUNT = "devstoreaccount1"


@dataclass
class SimulatedFiles:
    """Files."""

    clock: Clock = field(default_factory=Clock)
    blobs: dict[tuple[str, str], tuple[File, bytes]] = field(default_factory=dict)
    containers: set[str] = field(default_factory=lambda: set(CONTAINERS))
    _writes: int = 0

    def account(self) -> str:
        return ACCOUNT

    def ensure(self, container: str, account: str = "") -> bool:
        if account in ("", ACCOUNT):
            self.containers.add(container)
        return container in self.containers

    def stat(self, container: str, path: str, account: str = "") -> File | None:
        _check(account)
        found = self.blobs.get((container, path))
        return found[0] if found else None

    def list(self, container: str, prefix: str, account: str = "") -> Sequence[File]:
        _check(account)
        keys = sorted(key for key in self.blobs if key[0] == container)
        return [self.blobs[key][0] for key in keys if key[1].startswith(prefix)]

    def read(self, container: str, path: str, offset: int = 0, limit: int | None = None) -> bytes:
        if (container, path) not in self.blobs:
            raise NotFound("File", path, "Look at the list of what there is.")
        content = self.blobs[container, path][1]
        return content[offset:] if limit is None else content[offset : offset + limit]

    def write(self, container: str, path: str, content: bytes) -> None:
        self._writes += 1
        md5 = base64.b64encode(hashlib.md5(content).digest()).decode()
        file = File(path, len(content), self.clock.now, f"0x{self._writes}", md5)
        self.blobs[container, path] = (file, content)


@dataclass
class SimulatedLinks:
    """Links."""

    def reading(self, container: str, path: str, lasting: timedelta, account: str = "") -> str:
        _check(account)
        return f"https://blobs.invalid/{container}/{path}?sp=r&se={lasting.total_seconds():.0f}"

    def writing(self, container: str, path: str, lasting: timedelta) -> str:
        return f"https://blobs.invalid/{container}/{path}?sp=cw&se={lasting.total_seconds():.0f}"


def _check(account: str) -> None:
    if account not in ("", ACCOUNT):
        raise Refused(f"The storage account '{account}' can't be entered.", code="UnknownAccount")
