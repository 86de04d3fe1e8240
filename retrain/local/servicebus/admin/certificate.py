"""The certificate that the administration client is to trust: self-signed, in the data folder.

Its path is what users give their client. It is kept over restarts, so that a client's setting goes
on working, and made anew shortly before it ends or when it is not for this host.
"""

import ipaddress
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

_LIFE: Final = timedelta(days=365)
_RENEWAL: Final = timedelta(days=30)
_NAMES: Final = ("localhost", "127.0.0.1", "::1")


class Certificate:
    """path: of the certificate itself; the key lies beside it, for its owner only."""

    def __init__(self, folder: Path, host: str, now: Callable[[], float] = time.time) -> None:
        self.path = folder / "certificate.pem"
        self._key = folder / "certificate-key.pem"
        self._names = tuple(dict.fromkeys((*_NAMES, host)))
        self._now = now
        self._context: ssl.SSLContext | None = None
        self._renew_at = 0.0

    def context(self) -> ssl.SSLContext:
        """For a server's side of TLS. Raises OSError when the folder can't be written."""
        if self._context is None or self._now() >= self._renew_at:
            self._context = self._load() or self._renew()
        return self._context

    def _renew(self) -> ssl.SSLContext:
        self._make()
        context = self._load()
        assert context is not None, "what was just made is good"
        return context

    def _load(self) -> ssl.SSLContext | None:
        """None when there is none, it ends soon, or it is for other names."""
        with suppress(OSError):  # an ssl.SSLError is one too: half written, or of another key
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(self.path, self._key)
            context.load_verify_locations(self.path)  # only to read it
            (content,) = context.get_ca_certs()
            named = {_plain(str(each[1])) for each in content.get("subjectAltName", ())}
            ends = ssl.cert_time_to_seconds(str(content["notAfter"]))
            self._renew_at = ends - _RENEWAL.total_seconds()
            if self._now() < self._renew_at and named.issuperset(map(_plain, self._names)):
                return context
        return None

    def _make(self) -> None:
        # Imported here: nothing else needs it, and it is only needed once a year.
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        common = x509.NameAttribute(x509.NameOID.COMMON_NAME, "Service Bus emulator")
        name = x509.Name([common])
        now = datetime.fromtimestamp(self._now(), UTC)
        builder = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))  # for clocks that are behind
            .not_valid_after(now + _LIFE)
        )
        for critical, extension in _extensions(key.public_key(), self._names):
            builder = builder.add_extension(extension, critical)
        certificate = builder.sign(key, hashes.SHA256())
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        _write(self._key, secret, 0o600)
        _write(self.path, certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _extensions(
    public: "ec.EllipticCurvePublicKey", names: Iterable[str]
) -> Iterator[tuple[bool, "x509.ExtensionType"]]:
    """Its own authority: so it can be given to clients as the one authority that they trust."""
    from cryptography import x509

    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    unused = (
        *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("crl_sign", "encipher_only", "decipher_only"),
    )
    usage = dict.fromkeys(unused, False)
    yield True, x509.BasicConstraints(ca=True, path_length=0)
    yield True, x509.KeyUsage(digital_signature=True, key_cert_sign=True, **usage)
    yield False, x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH])
    yield False, identifier
    yield False, x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    known = ((name, _address(name)) for name in names)
    yield (
        False,
        x509.SubjectAlternativeName(
            [x509.IPAddress(ip) if ip else x509.DNSName(name) for name, ip in known]
        ),
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    """Never readable by others than the mode allows, not even while it is written."""
    path.unlink(missing_ok=True)
    path.touch(mode=mode)
    path.write_bytes(content)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _plain(name: str) -> str:
    """One way to write each address: OpenSSL writes ::1 in full."""
    return str(_address(name) or name.lower())
