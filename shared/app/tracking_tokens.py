"""Tokens that a script, or a person with the function's key, shows to the tracking routes.

`rt1.<what>.<signature>`: what it is good for and until when, readable; and an HMAC-SHA256 over it
with a secret that is made once for the whole installation and kept in the registry.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from shared.domain.errors import Permanent
from shared.domain.tracked import Tracked
from shared.ports.registry import Registry

_KIND, _NAME = "secrets", "tracking"
_FORM: Final = "rt1"
_EVERYTHING: Final = "*"


class Unauthenticated(Permanent):
    def __init__(self, why: str) -> None:
        super().__init__(
            f"{why}",
            remedy="Scripts of a run get MLFLOW_TRACKING_TOKEN; people get one from "
            "`retrain mlflow`.",
            code="UNAUTHENTICATED",
        )


class Forbidden(Permanent):
    def __init__(self, what: str) -> None:
        super().__init__(
            f"This token is of another run, and {what}.",
            remedy="Take a token for everything from `retrain mlflow`.",
            code="PERMISSION_DENIED",
        )


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who asks. `tracked`: the attempt whose script it is; None may do everything."""

    tracked: Tracked | None

    def check(self, tracked: Tracked) -> None:
        """Raises Forbidden when it is neither the bearer's run nor a child of it."""
        if self.tracked is not None and tracked.own != self.tracked:
            raise Forbidden(f"may not touch run '{tracked.id}'")


@dataclass(slots=True)
class Tokens:
    registry: Registry
    now: Callable[[], datetime]
    _secret: bytes = field(default=b"", repr=False)

    def for_attempt(self, tracked: Tracked, until: datetime) -> str:
        return self._signed(f"{tracked.run}/{tracked.attempt}", until)

    def for_everything(self, until: datetime) -> str:
        return self._signed(_EVERYTHING, until)

    def bearer(self, token: str) -> Bearer:
        """Whose token it is. Raises Unauthenticated."""
        form, _, rest = token.partition(".")
        text, _, signature = rest.partition(".")
        if form != _FORM or not hmac.compare_digest(signature.encode(), self._signature(text)):
            raise Unauthenticated("The token is not one of Retrain's, or was changed.")
        what, _, until = _decoded(text).rpartition("@")
        if self.now() > datetime.fromtimestamp(int(until), UTC):
            raise Unauthenticated("The token has expired.")
        if what == _EVERYTHING:
            return Bearer(None)
        run, _, attempt = what.partition("/")
        return Bearer(Tracked(run, int(attempt)))

    def _signed(self, what: str, until: datetime) -> str:
        text = _encoded(f"{what}@{int(until.timestamp())}".encode())
        return f"{_FORM}.{text}.{self._signature(text).decode()}"

    def _signature(self, text: str) -> bytes:
        return _encoded(hmac.digest(self._key(), text.encode(), hashlib.sha256)).encode()

    def _key(self) -> bytes:
        """Asked for once in a process: whoever comes first has made it for all."""
        if not self._secret:
            mine = {"secret": secrets.token_hex(32)}
            self._secret = bytes.fromhex(self.registry.once(_KIND, _NAME, mine)["secret"])
        return self._secret


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> str:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
