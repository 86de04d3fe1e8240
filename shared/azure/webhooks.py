"""Signed POSTs to addresses that users gave, over urllib3.

Signed as the Standard Webhooks specification has it: `webhook-id`, `webhook-timestamp` and
`webhook-signature: v1,<base64 of HMAC-SHA256 over "id.timestamp.body">`.

An address is somebody else's text, so it never reaches what only we can reach: a name is looked up
once, every address it has must be a public one, and the connection goes to the one that was looked
at. Redirects are not followed. Where `private` is set (the local stack) all of that is allowed.

A certificate must be of an authority that certifi or this machine knows; `SSL_CERT_FILE` names a
file of further ones, as OpenSSL has it.
"""

import base64
import binascii
import hmac
import socket
import ssl
from datetime import datetime
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

import certifi
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.exceptions import HTTPError, SSLError

from shared.domain.errors import Refused, Transient

#: How a secret is written.
PREFIX: Final = "whsec_"
_TIMEOUT: Final = Timeout(connect=5, read=10)
#: Azure's own address for a machine's platform services: public by its number, and not for users.
_PLATFORM: Final = IPv4Address("168.63.129.16")
_NAT64: Final = IPv6Network("64:ff9b::/96")
#: HTTP statuses after which another try may help.
_AGAIN: Final = frozenset((408, 409, 425, 429))


class SignedWebhooks:
    """Webhooks. secret: `whsec_` and base64; empty refuses all. private: allow any address."""

    def __init__(self, secret: str, *, private: bool = False) -> None:
        self._secret = secret
        self._private = private

    def check(self, url: str) -> None:
        signing_key(self._secret)
        parts = urlsplit(url)
        if self._private:
            return
        if parts.scheme != "https":
            raise _refused(url, "it is not https")
        host = (parts.hostname or "").rstrip(".")
        if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
            raise _refused(url, "it is a name of a private network")
        literal = _literal(host)
        if literal and not is_public(literal):
            raise _refused(url, "it is an address of a private network")

    def post(self, url: str, message: str, at: datetime, body: bytes) -> None:
        self.check(url)
        parts = urlsplit(url)
        stamp = str(int(at.timestamp()))
        headers = {
            "Host": parts.netloc,
            "Content-Type": "application/json",
            "User-Agent": "Retrain",
            "webhook-id": message,
            "webhook-timestamp": stamp,
            "webhook-signature": signature(signing_key(self._secret), message, stamp, body),
        }
        place = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
        status = self._send(parts, place, headers, body)
        if status in _AGAIN or status >= 500:
            raise Transient(f"{parts.hostname} answered {status}.", code=f"Http{status}")
        if not 200 <= status < 300:
            raise Refused(
                f"{parts.hostname} answered {status}.",
                code=f"Http{status}",
                remedy="The address has to answer a POST with 2xx; redirects are not followed.",
            )

    def _send(self, parts: SplitResult, place: str, headers: dict[str, str], body: bytes) -> int:
        host = parts.hostname or ""
        address = self._looked_up(parts)
        port = parts.port
        if parts.scheme == "https":
            pool: HTTPConnectionPool = HTTPSConnectionPool(
                address,
                port or 443,
                server_hostname=host,
                ssl_context=self._trusting,
                timeout=_TIMEOUT,
            )
        else:
            pool = HTTPConnectionPool(address, port or 80, timeout=_TIMEOUT)
        try:
            response = pool.urlopen(
                "POST",
                place if place.startswith("/") else f"/{place}",
                body=body,
                headers=headers,
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,  # what it has to say may be without end
            )
            response.close()
            return response.status
        except SSLError as error:
            raise _untrusted(host, error) from error
        except (HTTPError, OSError) as error:
            why = str(error) or type(error).__name__
            raise Transient(f"{host} can't be reached: {why}", code="Unreachable") from error
        finally:
            pool.close()

    @cached_property
    def _trusting(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.load_verify_locations(certifi.where())
        return context

    def _looked_up(self, parts: SplitResult) -> str:
        """The address to connect to, checked."""
        host = parts.hostname or ""
        try:
            found = socket.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Transient(f"There is no host '{host}': {error}", code="NoSuchHost") from error
        addresses = [str(one[4][0]) for one in found]
        if not self._private:
            for text in addresses:
                literal = _literal(text)
                if literal is None or not is_public(literal):
                    raise _refused(parts.geturl(), f"its name stands for {text}")
        return addresses[0]


def _untrusted(host: str, error: SSLError) -> Refused | Transient:
    cause = error.args[0] if error.args else error
    if not isinstance(cause, ssl.SSLCertVerificationError):
        return Transient(f"{host} can't be reached: {error}", code="Unreachable")
    return Refused(
        f"Nothing is sent to {host}: its certificate is not trusted: {cause.verify_message}.",
        code="CertificateRefused",
        remedy="Give it a certificate of a known authority for this very name, or name your "
        "authority's in a file that SSL_CERT_FILE names where Retrain's functions run.",
    )


def signature(key: bytes, message: str, stamp: str, body: bytes) -> str:
    """The header's value; a receiver compares it in constant time and refuses old stamps."""
    signed = b".".join((message.encode(), stamp.encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anybody's packets reach it, and it is no door into something of ours."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address.teredo:
            inner = address.teredo[1]
        elif address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast and address != _PLATFORM


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:  # 127.1, 0x7f000001, 2130706433: the resolver takes them too
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def signing_key(secret: str) -> bytes:
    """What the secret holds. Raises Refused when there is none, or one that anybody could guess."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < 24:
        state = "is no secret: it holds fewer than 24 bytes of base64" if secret else "is not set"
        raise Refused(
            f"Webhooks can't be signed here: RETRAIN_WEBHOOK_SECRET {state}.",
            code="WebhooksNotSetUp",
            remedy=f"Set it to {PREFIX} and 32 characters of base64; or leave `notifications` out.",
        )
    return key


def _refused(url: str, why: str) -> Refused:
    return Refused(
        f"Nothing is sent to {url}: {why}.",
        code="WebhookAddressRefused",
        remedy="Give a public https address, or set RETRAIN_WEBHOOK_PRIVATE=true.",
    )
