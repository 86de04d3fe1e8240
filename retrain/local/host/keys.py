"""The keys of HTTP functions: made at the first start, kept in a file only its owner can read.

The master key opens everything; a host key every function; a function key that function.
"""

import hmac
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

#: The name of the host key that every app has, and of a function's first.
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Keys:
    """`default` is the host key of that name, `host` the others; `functions` by function, by name.

    A function's name is in small letters.
    """

    master: str
    default: str
    functions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    host: Mapping[str, str] = field(default_factory=dict)

    def open(self, level: str, function: str, given: str) -> bool:
        """Whether the key `given` ("" for none) may call a function of this auth level."""
        if level == "ANONYMOUS":
            return True
        accepted = [self.master]
        if level == "FUNCTION":
            accepted += [self.default, *self.host.values()]
            accepted += self.functions.get(function.casefold(), {}).values()
        return bool(given) and _among(given, accepted)


class KeyRing:
    """The keys as they are now, and the file they are kept in (None: nowhere)."""

    def __init__(self, keys: Keys, file: Path | None = None) -> None:
        self.now = keys
        self._file = file

    def open(self, level: str, function: str, given: str) -> bool:
        return self.now.open(level, function, given)

    def named(self, function: str | None) -> dict[str, str]:
        """The keys of a function, or of the host, by name."""
        if function is None:
            return {DEFAULT: self.now.default, **self.now.host}
        return dict(self.now.functions.get(function.casefold(), {}))

    def put(self, function: str | None, name: str, value: str | None) -> str:
        """Give a key its value, a new one for None; the value."""
        value = value or new_key()
        self._keep(self._with(function, {**self.named(function), name: value}))
        return value

    def drop(self, function: str | None, name: str) -> bool:
        """Whether there was such a key; the host's default stays, always."""
        named = self.named(function)
        if name not in named or (function is None and name == DEFAULT):
            return False
        del named[name]
        self._keep(self._with(function, named))
        return True

    def put_master(self, value: str | None) -> str:
        self._keep(replace(self.now, master=value or new_key()))
        return self.now.master

    def _with(self, function: str | None, named: dict[str, str]) -> Keys:
        if function is None:
            default = named.pop(DEFAULT)
            return replace(self.now, default=default, host=named)
        return replace(self.now, functions={**self.now.functions, function.casefold(): named})

    def _keep(self, keys: Keys) -> None:
        if self._file:
            _write(self._file, keys)
        self.now = keys


def new_key() -> str:
    return secrets.token_urlsafe(36)


def keep_keys(file: Path) -> KeyRing:
    """Read the keys, or make new ones (mode 0600) when there are none.

    Raises ValueError when the file is there and holds no keys.
    """
    try:
        return KeyRing(_read(json.loads(file.read_text())), file)
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{file} holds no function keys; delete it for new ones.") from error
    keys = Keys(new_key(), new_key())
    _write(file, keys)
    return KeyRing(keys, file)


def _read(content: Any) -> Keys:
    functions = {name: dict(keys) for name, keys in content.get("functions", {}).items()}
    return Keys(content["master"], content["default"], functions, dict(content.get("host", {})))


def _write(file: Path, keys: Keys) -> None:
    content = {
        "master": keys.master,
        "default": keys.default,
        "host": dict(keys.host),
        "functions": {name: dict(named) for name, named in keys.functions.items()},
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        json.dump(content, out)
    fresh.replace(file)


def _among(given: str, accepted: Iterable[str]) -> bool:
    matches = [hmac.compare_digest(given.encode(), key.encode()) for key in accepted if key]
    return any(matches)
