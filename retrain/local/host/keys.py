"""The keys of HTTP functions: made at the first start, kept in a file only its owner can read."""

import hmac
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Keys:
    """`master` opens everything, `default` every function, one in `functions` that function."""

    master: str
    default: str
    functions: Mapping[str, str] = field(default_factory=dict)

    def open(self, level: str, function: str, given: str) -> bool:
        """Whether the key `given` ("" for none) may call a function of this auth level."""
        if level == "ANONYMOUS":
            return True
        accepted = [self.master]
        if level == "FUNCTION":
            accepted += [self.default, self.functions.get(function, "")]
        return bool(given) and _among(given, accepted)


def _among(given: str, accepted: Iterable[str]) -> bool:
    matches = [hmac.compare_digest(given.encode(), key.encode()) for key in accepted if key]
    return any(matches)


def keep_keys(file: Path) -> Keys:
    """Read the keys, or make new ones (mode 0600) when there are none.

    Raises ValueError when the file is there and holds no keys.
    """
    try:
        content = json.loads(file.read_text())
        return Keys(content["master"], content["default"], content.get("functions", {}))
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} holds no function keys; delete it for new ones.") from error
    keys = Keys(secrets.token_urlsafe(36), secrets.token_urlsafe(36))
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        json.dump({"master": keys.master, "default": keys.default, "functions": {}}, out)
    fresh.replace(file)
    return keys
