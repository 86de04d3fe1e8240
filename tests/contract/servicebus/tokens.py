"""Tokens as the SDK makes them, for any time."""

import time
from typing import Any

from azure.servicebus._pyamqp.utils import generate_sas_token

from retrain.local.servicebus.sas import DEFAULT_KEY, Key


def token(
    resource: str, key: Key = DEFAULT_KEY, *, seconds: float = 600, until: float | None = None
) -> str:
    """Signed with the key, good for so many seconds or until a time."""
    sign: Any = generate_sas_token
    end = time.time() + seconds if until is None else until
    return str(sign(resource, key.name, key.value, int(end)))
