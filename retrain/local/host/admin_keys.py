"""The keys over HTTP, as Azure's key management API has them.

GET         /admin/host/keys, /admin/host/functionkeys      the host's keys
GET         /admin/functions/{name}/keys                    a function's
GET         …/{key}                                         one of them
POST, PUT   …/{key}                                         a new value; PUT's body says which
DELETE      …/{key}
POST, PUT   /admin/host/systemkeys/_master                  a new master key
"""

import json
import re
from collections.abc import Collection
from typing import Any

from retrain.local.host.keys import KeyRing

_HOST = re.compile(r"/admin/host/(?:keys|functionkeys)(?:/([^/]+))?")
_FUNCTION = re.compile(r"/admin/functions/([^/]+)/keys(?:/([^/]+))?")
_SYSTEM = re.compile(r"/admin/host/systemkeys(?:/([^/]+))?")
MASTER = "_master"

_Answer = tuple[int, Any]


class AdminKeys:
    """Reads and changes the keys."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def answer(
        self, method: str, path: str, body: bytes, functions: Collection[str]
    ) -> _Answer | None:
        """The answer for a path in small letters; None when it is none of these."""
        if match := _SYSTEM.fullmatch(path):
            return self._system(method, match[1], body)
        if match := _HOST.fullmatch(path):
            if match[1] == MASTER:
                return self._system(method, match[1], body)
            return self._among(method, None, match[1], body)
        if match := _FUNCTION.fullmatch(path):
            if match[1] not in functions:
                return 404, None
            return self._among(method, match[1], match[2], body)
        return None

    def _among(self, method: str, function: str | None, name: str | None, body: bytes) -> _Answer:
        named = self._keys.named(function)
        if name is None:
            listed = {"keys": [_key(each, value) for each, value in named.items()]}
            return (200, listed) if method == "GET" else (405, None)
        if method == "GET":
            return (200, _key(name, named[name])) if name in named else (404, None)
        if method == "DELETE":
            if name.startswith("_"):
                return 400, {"message": "Invalid key name."}
            return (204 if self._keys.drop(function, name) else 404), None
        try:
            value = _asked(method, body)
        except ValueError as error:
            return 400, {"message": str(error)}
        status = 200 if name in named else 201
        return status, _key(name, self._keys.put(function, name, value))

    def _system(self, method: str, name: str | None, body: bytes) -> _Answer:
        if name is None:
            return (200, {"keys": []}) if method == "GET" else (405, None)
        if name != MASTER:
            return 404, None
        if method == "GET":
            return 200, _key(MASTER, self._keys.now.master)
        if method == "DELETE":
            return 400, {"message": "Invalid key name."}
        try:
            return 200, _key(MASTER, self._keys.put_master(_asked(method, body)))
        except ValueError as error:
            return 400, {"message": str(error)}


def _asked(method: str, body: bytes) -> str | None:
    """The value that a PUT gives; None: make one."""
    if method != "PUT":
        return None
    try:
        value = json.loads(body)["value"]
    except (ValueError, TypeError, KeyError):
        value = None
    if not isinstance(value, str) or not value:
        raise ValueError("Invalid key value")
    return value


def _key(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}
