"""What Retrain remembers of events is let go in time, a little at every tick.

Those documents are named by hashes, so the minute says which 1/256 of them is looked at: each is
looked at every four hours, and a tick costs two lists and a bounded number of deletes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.app import file_memory, refusals
from shared.app.admission import ASKED
from shared.ports.registry import Registry

#: How long what was asked for under a key is remembered, and what was made of a file.
LASTING: Final[Mapping[str, timedelta]] = {
    ASKED: timedelta(days=14),
    file_memory.KIND: timedelta(days=180),
    refusals.KIND: timedelta(days=180),
}
_SLICES: Final = 256
#: Of a slice so many are looked at, and so many are deleted, in a tick.
_SEEN: Final = 5000
_DELETED: Final = 200


@dataclass(frozen=True, slots=True)
class Sweeping:
    registry: Registry
    now: Callable[[], datetime]

    def tick(self) -> None:
        now = self.now()
        part = f"{int(now.timestamp()) // 60 % _SLICES:02x}"
        for kind, lasting in LASTING.items():
            entries = self.registry.entries(kind, part, _SEEN)
            old = [entry.name for entry in entries if now - entry.modified > lasting]
            for name in old[:_DELETED]:
                self.registry.delete(kind, name)
