"""What one connection may do: by the tokens that it puts to `$cbs`, each for one audience.

As at the service, a link needs a grant when it attaches and for as long as it is attached; whether
its entity exists is not told before. With any token taken, nothing is asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final

from retrain.local.servicebus.engine.clock import Clock
from retrain.local.servicebus.engine.timetable import Timetable
from retrain.local.servicebus.errors import AccessExpired, Unauthorized
from retrain.local.servicebus.sas import Grant, Keys, Right, path_of

#: Audiences that a connection may have grants for.
_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Claim:
    """A path, and the rights of which one is needed there."""

    path: str
    rights: tuple[Right, ...]

    def __str__(self) -> str:
        return (
            f"Unauthorized access. '{','.join(self.rights)}' claim(s) are required to perform "
            f"this operation. Resource: '{self.path}'."
        )


class Claims:
    """keys: None when any token is taken. changed: called when a grant has come to its end."""

    def __init__(self, keys: Keys | None, clock: Clock, changed: Callable[[], None]) -> None:
        self._keys = keys
        self._clock = clock
        self._changed = changed
        self._grants: dict[str, Grant] = {}
        self._ends = Timetable[str](clock, self._ended)

    def put(self, token: str, audience: str) -> None:
        """Take a token. Raises Unauthorized."""
        if self._keys is None:
            return
        path = path_of(audience)
        if len(self._grants) >= _MOST and path not in self._grants:
            raise Unauthorized(f"A connection may hold tokens for {_MOST} audiences.")
        grant = self._keys.verify(token, path, self._clock.now())
        self._grants[path] = Grant(path, grant.rights, grant.until)
        self._ends.set(path, grant.until)

    def login(self, name: str, value: str) -> bool:
        """SASL PLAIN: a key by its name holds for everything, and has no end."""
        key = self._keys.find(name, value) if self._keys else None
        if key:
            self._grants[""] = Grant("", key.rights, inf)
        return self._keys is None or key is not None

    def require(self, claim: Claim) -> None:
        """Raises Unauthorized."""
        if not self._hold(claim):
            raise Unauthorized(str(claim))

    def lost(self, claim: Claim) -> AccessExpired | None:
        """Why a link that once had the claim may stay no longer; None when it may."""
        if self._hold(claim):
            return None
        return AccessExpired(f"The link is force detached. Code: RenewToken. Details: {claim}.")

    def stop(self) -> None:
        self._ends.stop()

    def _hold(self, claim: Claim) -> bool:
        return self._keys is None or any(
            grant.covers(claim.path) and not grant.rights.isdisjoint(claim.rights)
            for grant in self._grants.values()
        )

    def _ended(self, path: str) -> None:
        del self._grants[path]
        self._changed()
