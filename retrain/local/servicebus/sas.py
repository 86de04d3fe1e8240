"""Shared access signatures: what a token lets its bearer do, where, and until when.

A token names a resource (`sr`), a key (`skn`) and its end (`se`), and signs resource and end with
the key (`sig`). Only the resource's path counts here: the service compares the host too, but an
emulator is reached by names that it can't know (a container's, a proxy's, a forwarded port).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from urllib.parse import unquote, unquote_plus

from retrain.local.servicebus.errors import Unauthorized

SCHEME: Final = "SharedAccessSignature"
_NAME: Final = re.compile(r"[\w.-]{1,256}", re.ASCII)


class Right(StrEnum):
    """Managing includes the other two, as the service demands of its keys."""

    MANAGE = "Manage"
    SEND = "Send"
    LISTEN = "Listen"


ALL: Final = frozenset(Right)


@dataclass(frozen=True, slots=True)
class Key:
    """A shared access policy and its key. The value signs as it is written, base64 or not."""

    name: str
    value: str
    rights: frozenset[Right] = ALL

    @classmethod
    def parse(cls, text: str) -> "Key":
        """`NAME=VALUE`, or `NAME:Send,Listen=VALUE`. Raises ValueError that says what is wrong."""
        head, _, value = text.partition("=")
        name, colon, listed = head.partition(":")
        if not _NAME.fullmatch(name) or not value or ";" in value:
            raise ValueError("write a key as NAME=VALUE or NAME:RIGHTS=VALUE")
        words = {word.strip().lower() for word in listed.split(",")} if colon else set[str]()
        rights = {right for right in Right if right.lower() in words}
        if len(rights) < len(words):
            raise ValueError(f"the rights of key '{name}' must be of Manage, Send, Listen")
        if not words or Right.MANAGE in rights:
            rights = set(ALL)
        return cls(name, value, frozenset(rights))


#: Of Microsoft's own emulator, so that its connection strings work here.
DEFAULT_KEY: Final = Key("RootManageSharedAccessKey", "SAS_KEY_VALUE")


@dataclass(frozen=True, slots=True)
class Grant:
    """Rights over a path and what is below it ('' is everything) until a time, epoch seconds."""

    path: str
    rights: frozenset[Right]
    until: float

    def covers(self, path: str) -> bool:
        return not self.path or path == self.path or path.startswith(f"{self.path}/")


class Keys:
    """The keys of a namespace, and of its entities.

    of_entity: the keys of the queue or topic that a path leads to, or below. Raises ValueError when
    the namespace has none, or two of one name.
    """

    def __init__(
        self, keys: Iterable[Key], of_entity: Callable[[str], Iterable[Key]] = lambda _: ()
    ) -> None:
        self._of_entity = of_entity
        self._keys: dict[str, Key] = {}
        for key in keys:
            if key.name.lower() in self._keys:
                raise ValueError(f"two keys have the name '{key.name}'")
            self._keys[key.name.lower()] = key
        if not self._keys:
            raise ValueError("a namespace needs a key")

    def find(self, name: str, value: str) -> Key | None:
        """The key of that name, if this is its value."""
        key = self._keys.get(name.lower())
        known = key is not None and hmac.compare_digest(key.value.encode(), value.encode())
        return key if known else None

    def verify(self, token: str, path: str, now: float) -> Grant:
        """What the token grants on the path. Raises Unauthorized.

        now: epoch seconds.
        """
        fields = _fields(token)
        resource = path_of(unquote_plus(fields["sr"]))
        key = self._signer(resource, fields)
        if key is None:
            raise Unauthorized("InvalidSignature: The token has an invalid signature.")
        until = int(fields["se"])
        if until <= now:
            ended = datetime.fromtimestamp(until, UTC)
            raise Unauthorized(
                f"ExpiredToken: The token is expired. Expiration time: '{ended:%Y-%m-%d %H:%M:%SZ}'"
            )
        grant = Grant(resource, key.rights, until)
        if not grant.covers(path):
            raise Unauthorized(
                "InvalidAudience: The authorization header contains a token with a wrong audience."
            )
        return grant

    def _signer(self, resource: str, fields: dict[str, str]) -> Key | None:
        name = unquote(fields["skn"]).lower()
        for key in (*self._keys.values(), *self._of_entity(resource)):
            if key.name.lower() == name and _signed(key, fields):
                return key
        return None


def path_of(resource: str) -> str:
    """The part of a resource's address below its host, for comparing.

    JavaScript's administration client signs a request's whole URL, with names quoted and a query.
    """
    place = resource.partition("://")[2] or resource
    path = place.partition("/")[2].partition("?")[0]
    return unquote(path).strip("/").lower()


def _fields(token: str) -> dict[str, str]:
    """The token's fields, still quoted, since the signature is over the quoted text."""
    scheme, _, rest = token.partition(" ")
    if scheme != SCHEME:
        raise Unauthorized(
            "InvalidToken: This emulator takes no Entra ID tokens, only those that are made with a "
            "connection string's key. Start it with --allow-any-token to let any token in."
        )
    fields = dict(pair.partition("=")[::2] for pair in rest.split("&"))
    missing = [name for name in ("sr", "sig", "se", "skn") if not fields.get(name)]
    # At most ten digits: a time that is a date, and an int that is quick to read.
    if missing or not re.fullmatch(r"[0-9]{1,10}", fields["se"]):
        raise Unauthorized(
            f"MalformedToken: The token is malformed. It must be '{SCHEME} "
            "sr=<resource>&sig=<signature>&se=<epoch seconds>&skn=<name of the key>'."
        )
    return fields


def _signed(key: Key, fields: dict[str, str]) -> bool:
    text = f"{fields['sr']}\n{fields['se']}"
    wanted = base64.b64encode(hmac.digest(key.value.encode(), text.encode(), hashlib.sha256))
    return hmac.compare_digest(wanted, unquote(fields["sig"]).encode())
