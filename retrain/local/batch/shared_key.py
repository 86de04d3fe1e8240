"""SharedKey: an HMAC-SHA256 over the request, as Batch clients sign it.

String to sign: the verb, eleven headers (a line each, empty when absent), the `ocp-*` headers,
the resource and its query parameters. See "Authenticate requests to Azure Batch".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qs

from retrain.local.batch.errors import Refused
from retrain.local.batch.wire import http_moment

_SIGNED: Final = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)
_SKEW: Final = timedelta(minutes=15)


class SharedKey:
    """Verifies requests for one account. Raises ValueError when the key is no base64."""

    def __init__(self, account: str, key: str) -> None:
        self.account = account
        try:
            self._key = base64.b64decode(key, validate=True)
        except binascii.Error as error:
            raise ValueError(f"The Batch account key is not base64: {error}.") from error

    def verify(
        self, method: str, raw_path: str, query: str, headers: Mapping[str, str], now: datetime
    ) -> None:
        """Raise Refused AuthenticationFailed unless the request is signed with the key, in time."""
        scheme, _, rest = headers.get("authorization", "").partition(" ")
        account, _, signature = rest.partition(":")
        if scheme != "SharedKey" or account != self.account:
            raise Refused(
                "AuthenticationFailed",
                AuthenticationErrorDetail="The Authorization header must be "
                f"'SharedKey {self.account}:<signature>'.",
            )
        _check_date(headers, now)
        text = self.string_to_sign(method, raw_path, query, headers)
        wanted = base64.b64encode(hmac.digest(self._key, text.encode(), hashlib.sha256)).decode()
        if not hmac.compare_digest(wanted.encode(), signature.encode()):
            raise Refused(
                "AuthenticationFailed",
                AuthenticationErrorDetail="The MAC signature found in the HTTP request is not the "
                f"same as the computed one. Server used following string to sign: '{text}'.",
            )

    def string_to_sign(
        self, method: str, raw_path: str, query: str, headers: Mapping[str, str]
    ) -> str:
        """What the client must have signed; header names are in lower case."""
        lines = [method]
        for name in _SIGNED:
            value = headers.get(name, "")
            if name == "content-length" and method not in ("GET", "HEAD"):
                value = value or "0"
            lines.append(value)
        lines += sorted(f"{k}:{v}" for k, v in headers.items() if k.startswith("ocp-") and v)
        lines.append(f"/{self.account}{raw_path}")
        parameters = parse_qs(query)
        lines += [f"{name}:{parameters[name][0]}" for name in sorted(parameters)]
        return "\n".join(lines)


def _check_date(headers: Mapping[str, str], now: datetime) -> None:
    text = headers.get("ocp-date") or headers.get("date", "")
    sent = http_moment(text)
    if sent is None or abs(now - sent) > _SKEW:
        raise Refused(
            "AuthenticationFailed",
            AuthenticationErrorDetail=f"The request's date '{text}' is missing or more than 15 "
            f"minutes away from the server's time {now:%a, %d %b %Y %H:%M:%S} GMT.",
        )
