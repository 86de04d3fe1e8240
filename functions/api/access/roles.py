"""Three roles, each with all that the one before it may do."""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final


class Role(IntEnum):
    """In Entra ID the app roles `Retrain.Reader`, `Retrain.Submitter`, `Retrain.Admin`."""

    NONE = 0
    READER = 1
    SUBMITTER = 2
    ADMIN = 3

    @property
    def claim(self) -> str:
        """As it stands in a token."""
        return f"Retrain.{self.name.capitalize()}"


#: What changes compute, addresses of other accounts, or what is kept because it failed.
_ADMINS: Final = ("/api/compute", "/api/datastores", "/api/dead-letters")
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def changes(method: str) -> bool:
    """Whether a request of this method changes something."""
    return method.upper() not in _READING


def needed(method: str, path: str) -> Role:
    """The least role that may send this request."""
    if not changes(method):
        return Role.READER
    return Role.ADMIN if path.startswith(_ADMINS) else Role.SUBMITTER


def highest(claims: Iterable[str]) -> Role:
    """Of a token's roles; names that are none of ours count for nothing."""
    ours = {role.claim.casefold(): role for role in Role if role}
    return max((ours.get(claim.casefold(), Role.NONE) for claim in claims), default=Role.NONE)
