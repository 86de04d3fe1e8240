"""The certificate is kept as long as it is good, and made anew when it is not."""

import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from retrain.local.servicebus.admin.certificate import Certificate

DAY = 86_400.0


def made(folder: Path, host: str = "127.0.0.1", days: float = 0) -> bytes:
    """The certificate that a server has, started so many days from now."""
    certificate = Certificate(folder, host, lambda: time.time() + days * DAY)
    certificate.context()
    return certificate.path.read_bytes()


def test_it_is_kept(tmp_path: Path) -> None:
    first = made(tmp_path / "new" / "folder")
    assert made(tmp_path / "new" / "folder", days=300) == first


def test_its_key_is_for_its_owner(tmp_path: Path) -> None:
    made(tmp_path)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes["certificate-key.pem"] == 0o600


def _nothing(folder: Path) -> None:
    (folder / "certificate.pem").unlink()


def _half(folder: Path) -> None:
    path = folder / "certificate-key.pem"
    path.write_bytes(path.read_bytes()[:100])


def _another_key(folder: Path) -> None:
    made(folder / "other")
    (folder / "other" / "certificate-key.pem").replace(folder / "certificate-key.pem")


def _rubbish(folder: Path) -> None:
    (folder / "certificate.pem").write_bytes(b"\xff" * 100)


BROKEN = {"gone": _nothing, "half": _half, "of another": _another_key, "rubbish": _rubbish}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=BROKEN)
def test_it_is_made_anew_when_it_is_broken(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    first = made(tmp_path)
    damage(tmp_path)
    assert made(tmp_path) not in (first, b"")


def test_it_is_made_anew_before_it_ends(tmp_path: Path) -> None:
    first = made(tmp_path)
    assert made(tmp_path, days=336) != first


def test_it_is_renewed_while_the_server_runs(tmp_path: Path) -> None:
    days = [0.0]
    certificate = Certificate(tmp_path, "127.0.0.1", lambda: time.time() + days[0] * DAY)
    first = certificate.context()
    assert certificate.context() is first
    days[0] = 340
    assert certificate.context() is not first


@pytest.mark.parametrize("host", ["10.0.0.7", "bus.example", "::2"])
def test_it_is_for_the_host_too(tmp_path: Path, host: str) -> None:
    first = made(tmp_path)
    second = made(tmp_path, host)
    assert second != first
    assert made(tmp_path) == second  # and for this machine still
    context = ssl.create_default_context(cafile=tmp_path / "certificate.pem")
    assert len(context.get_ca_certs()) == 1
