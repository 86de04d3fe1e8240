"""Profiles: who is asked, with which key, and who may read the file."""

import os
from pathlib import Path

import pytest

from retrain import profile
from retrain.profile import Profile, ProfileProblem


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("RETRAIN_ENDPOINT", raising=False)
    monkeypatch.delenv("RETRAIN_KEY", raising=False)
    monkeypatch.setenv("RETRAIN_CONFIG", str(tmp_path / "deep/profiles.toml"))
    return tmp_path / "deep/profiles.toml"


LOCAL = Profile("local", "http://127.0.0.1:7071", "k1")
CLOUD = Profile("my cloud.é", "https://a.example", 'k"\\\x7f\n2')


def test_what_is_saved_is_read_again(file: Path) -> None:
    assert profile.save(LOCAL) == file
    profile.save(CLOUD)
    assert profile.read().by_name == {"local": LOCAL, "my cloud.é": CLOUD}
    assert profile.choose() == LOCAL  # the first one stays current
    profile.save(CLOUD, use=True)
    assert profile.choose() == CLOUD
    assert profile.use("local") == profile.choose() == LOCAL


@pytest.mark.skipif(os.name == "nt", reason="no such modes there")
def test_only_its_owner_can_read_it(file: Path) -> None:
    profile.save(LOCAL)
    file.chmod(0o644)
    profile.save(CLOUD)
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_the_environment_wins_over_the_current_one(monkeypatch: pytest.MonkeyPatch) -> None:
    profile.save(LOCAL)
    monkeypatch.setenv("RETRAIN_KEY", "k3")
    assert (profile.choose().endpoint, profile.choose().key) == (LOCAL.endpoint, "k3")
    monkeypatch.setenv("RETRAIN_ENDPOINT", "http://elsewhere")
    assert (profile.choose().endpoint, profile.choose().key) == ("http://elsewhere", "k3")
    assert profile.choose("local") == LOCAL  # but not over the one that is named


def test_a_key_is_never_sent_to_another_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    profile.save(LOCAL)
    monkeypatch.setenv("RETRAIN_ENDPOINT", "http://elsewhere")
    assert profile.choose().key == ""


def test_a_key_is_not_in_what_is_printed() -> None:
    assert "k1" not in repr(LOCAL)


def test_what_is_missing_is_told() -> None:
    with pytest.raises(ProfileProblem, match="No profile says"):
        profile.choose()
    profile.save(LOCAL)
    with pytest.raises(ProfileProblem, match=r"no profile 'x' .* \(known: local\)"):
        profile.choose("x")


@pytest.mark.parametrize(
    "content",
    ["current = ", "profiles = 3", "[profiles.a]\nkey = 'x'", "[profiles]\na = 1", "\xff"],
)
def test_a_file_that_is_none_is_told_and_kept(file: Path, content: str) -> None:
    file.parent.mkdir()
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(ProfileProblem, match="can't be read"):
        profile.choose()
    with pytest.raises(ProfileProblem):
        profile.save(LOCAL)
    assert file.read_bytes() == content.encode("latin-1")


def test_limits_are_kept_too(file: Path) -> None:
    limited = Profile("limited", "http://a", "", 12.5, 9_000)
    profile.save(limited)
    assert profile.read().by_name == {"limited": limited}
