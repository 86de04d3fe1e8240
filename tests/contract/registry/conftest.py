"""A real registry server (Debian's docker-registry), and canned Entra, ACR and ARM on loopback.

The registry checks tokens by their signature, as Azure's does; the canned server issues them in the
two exchanges of Azure Container Registry, and plays the managed identity of a Function App.
"""

import base64
import hashlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from azure.core.credentials import TokenCredential
from azure.identity import ManagedIdentityCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from shared.azure.registry_login import RegistryLogin
from shared.azure.registry_lookup import RegistryLookup

ISSUER = "retrain-tests"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
PATIENCE = 30.0
Answer = tuple[int, Any]


def a_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Asked:
    """A request that arrived: `POST /oauth2/exchange`, its form or JSON, its headers."""

    what: str
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass
class Cloud:
    """Entra, the registry's token service and ARM, canned. `answers` comes before the usual ones:
    by `METHOD /path`, one after the other."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    actions: list[str] = field(default_factory=lambda: ["pull"])
    blobs: dict[str, bytes] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count(self, what: str) -> int:
        return sum(one.what == what for one in self.asked)

    def usual(self, asked: Asked) -> Answer:
        path = asked.what.partition(" ")[2]
        if path == "/msi/token":
            later = int(time.time()) + 86_400
            token = {"access_token": "entra", "expires_on": str(later), "resource": "x"}
            return 200, {**token, "token_type": "Bearer"}
        if path == "/oauth2/exchange":
            good = asked.body.get("access_token") == "entra"
            return (200, {"refresh_token": "refresh"}) if good else (401, {})
        if path == "/oauth2/token":
            good = asked.body.get("refresh_token") == "refresh"
            return (200, {"access_token": self._token(asked.body)}) if good else (401, {})
        if path in self.blobs:
            return 200, self.blobs[path]
        return 404, {"error": {"code": "NotFound", "message": f"no {path}"}}

    def _token(self, form: dict[str, Any]) -> str:
        now = datetime.now(UTC)
        name = form["scope"].split(":")[1]
        claims = {
            "iss": ISSUER,
            "sub": "",
            "aud": form["service"],
            "iat": now - timedelta(seconds=5),
            "nbf": now - timedelta(seconds=5),
            "exp": now + timedelta(hours=1),
            "jti": "1",
            "access": [{"type": "repository", "name": name, "actions": self.actions}],
        }
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        headers = {"x5c": [base64.b64encode(der).decode()]}
        return jwt.encode(claims, self.key, "RS256", headers)


class _Handler(BaseHTTPRequestHandler):
    cloud: ClassVar[Cloud]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""

    def _answer(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        body: dict[str, Any] = {}
        if text:
            json_sent = "json" in self.headers.get("Content-Type", "")
            body = json.loads(text) if json_sent else {k: v[0] for k, v in parse_qs(text).items()}
        asked = Asked(f"{self.command} {urlsplit(self.path).path}", body, dict(self.headers))
        self.cloud.asked.append(asked)
        waiting = self.cloud.answers.get(asked.what)
        status, answer = waiting.pop(0) if waiting else self.cloud.usual(asked)
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        wanted = self.headers.get("Range")
        if wanted and status == 200:
            start, _, end = wanted.removeprefix("bytes=").partition("-")
            content, status = content[int(start) : int(end) + 1], 206
            status = status if content else 416
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "retrain tests")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    key = rsa.generate_private_key(65537, 2048)
    cloud = Cloud(key, _certificate(key))
    handler = type("Handler", (_Handler,), {"cloud": cloud})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    cloud.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    # What a Function App finds in its environment: the real azure-identity asks there.
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{cloud.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "secret")
    try:
        yield cloud
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def identity(cloud: Cloud) -> TokenCredential:
    return ManagedIdentityCredential()


@dataclass
class Registries:
    """Two servers over the same images: one that anybody may push to, one that asks for tokens."""

    open: str
    guarded: str

    def push(self, repository: str, tag: str) -> None:
        """A small but whole image."""
        with httpx.Client(base_url=f"http://{self.open}", trust_env=False) as client:
            config, layer = b"{}", b"layer"
            blobs = []
            for content, kind in ((config, "config.v1+json"), (layer, "layer.v1.tar")):
                digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
                begun = client.post(f"/v2/{repository}/blobs/uploads/")
                place = begun.headers["Location"]
                put = client.put(f"{place}&digest={digest}", content=content)
                assert put.status_code == 201, put.text
                media = f"application/vnd.oci.image.{kind}"
                blobs.append({"mediaType": media, "digest": digest, "size": len(content)})
            manifest = {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": blobs[0],
                "layers": blobs[1:],
            }
            put = client.put(
                f"/v2/{repository}/manifests/{tag}",
                content=json.dumps(manifest),
                headers={"Content-Type": MANIFEST},
            )
            assert put.status_code == 201, put.text


@contextmanager
def _serving(folder: Path, port: int, extra: dict[str, Any]) -> Iterator[str]:
    config = {
        "version": "0.1",
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "s"},
        **extra,
    }
    file = folder / f"{port}.yml"
    file.write_text(json.dumps(config))  # JSON is YAML
    command = ["docker-registry", "serve", str(file)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + PATIENCE
            while True:
                assert process.poll() is None, "docker-registry ended"
                try:
                    httpx.get(f"http://127.0.0.1:{port}/v2/", trust_env=False)
                    break
                except httpx.TransportError:
                    assert time.monotonic() < until, "docker-registry doesn't answer"
                    time.sleep(0.02)
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()


@pytest.fixture
def registries(cloud: Cloud, tmp_path: Path) -> Iterator[Registries]:
    if shutil.which("docker-registry") is None:
        words = "docker-registry is not installed (Debian has it by that name)"
        if os.environ.get("RETRAIN_TESTS_NEED_REGISTRY"):
            pytest.fail(words)
        pytest.skip(words)
    pem = cloud.certificate.public_bytes(serialization.Encoding.PEM)
    (tmp_path / "roots.pem").write_bytes(pem)
    port = a_port()
    token = {
        "realm": f"{cloud.url}/oauth2/token",
        "service": f"127.0.0.1:{port}",
        "issuer": ISSUER,
        "rootcertbundle": str(tmp_path / "roots.pem"),
    }
    with (
        _serving(tmp_path, a_port(), {}) as open_,
        _serving(tmp_path, port, {"auth": {"token": token}}) as guarded,
    ):
        yield Registries(open_, guarded)


def lookup(server: str, identity: TokenCredential) -> RegistryLookup:
    def now() -> datetime:
        return datetime.now(UTC)

    return RegistryLookup(RegistryLogin(server, lambda: identity, now, backoff=0.01))
