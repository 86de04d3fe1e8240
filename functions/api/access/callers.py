"""Who asks, and what is wrong with what they showed."""

from dataclasses import dataclass

from functions.api.access.roles import Role
from shared.domain.errors import Permanent


@dataclass(frozen=True, slots=True)
class Caller:
    """name: of a user as they sign in, or the application's id."""

    name: str
    role: Role


class BadToken(Permanent):
    """It is missing, expired, for somebody else, or nobody's that we trust."""
