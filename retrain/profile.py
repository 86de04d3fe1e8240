"""Whom to talk to: one file of profiles, each an endpoint and its key.

    current = "local"

    [profiles.local]
    endpoint = "http://127.0.0.1:7071"
    key = "..."
    code_max_mb = 500

The file lies in the user's configuration folder (RETRAIN_CONFIG names another) and only its owner
can read it, since it holds keys. Who is asked, first found: the profile named with `--profile`;
RETRAIN_ENDPOINT with RETRAIN_KEY or RETRAIN_SCOPE; the current profile. A key only ever goes to the
endpoint that it was stored with: RETRAIN_ENDPOINT alone is an endpoint without a key.
"""

import json
import os
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from retrain.problem import Problem

_OF_ENVIRONMENT = "RETRAIN_ENDPOINT"


class ProfileProblem(Problem):
    """The profiles' file can't be read, or does not have what is asked for."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Profile:
    """key: the function key of the app; "" for one that asks for none.

    code_max_mb, code_max_files: the most code that may travel; None is Retrain's own limit.
    scope: of the tokens it asks for; "" for one that asks for a key, or for none.
    """

    name: str
    endpoint: str
    key: str = field(default="", repr=False)
    code_max_mb: float | None = None
    code_max_files: int | None = None
    scope: str = ""

    @property
    def origin(self) -> str:
        """Where the endpoint was read, for errors."""
        if self.name == _OF_ENVIRONMENT:
            return f"the variable {self.name}"
        return f"profile '{self.name}' in {config_file()}"


@dataclass(frozen=True, slots=True)
class Profiles:
    """What the file says. current: the name of the profile in use, None when there is none."""

    current: str | None = None
    by_name: Mapping[str, Profile] = field(default_factory=dict)

    def named(self, name: str) -> Profile:
        if name in self.by_name:
            return self.by_name[name]
        known = ", ".join(sorted(self.by_name)) or "none"
        raise ProfileProblem(
            f"There is no profile {name!r} in {config_file()} (known: {known}).",
            remedy=f"Make it with `retrain profile set {name} --endpoint …`.",
        )


def config_file() -> Path:
    """Return where the profiles are kept, whether the file exists or not."""
    if named := os.environ.get("RETRAIN_CONFIG"):
        return Path(named)
    from platformdirs import user_config_path  # not needed with RETRAIN_CONFIG

    return user_config_path("retrain", appauthor=False) / "profiles.toml"


def choose(name: str | None = None) -> Profile:
    """Return the profile to use; raises ProfileProblem when there is none."""
    if name is not None:
        return read().named(name)
    endpoint, key = os.environ.get(_OF_ENVIRONMENT), os.environ.get("RETRAIN_KEY")
    if endpoint:
        scope = os.environ.get("RETRAIN_SCOPE", "")
        return Profile(_OF_ENVIRONMENT, endpoint, key or "", scope=scope)
    profiles = read()
    if profiles.current is None:
        raise ProfileProblem(
            "No profile says which Retrain to talk to.",
            remedy="Start one here with `retrain up`, or name one with `retrain profile set`.",
        )
    chosen = profiles.named(profiles.current)
    return replace(chosen, key=key) if key else chosen


def save(profile: Profile, *, use: bool = False) -> Path:
    """Write the profile into the file, in place of the one with its name; return the file.

    use: make it the current one. The first profile becomes that in any case.
    """
    profiles = read()
    current = profile.name if use or profiles.current is None else profiles.current
    return _write(Profiles(current, {**profiles.by_name, profile.name: profile}))


def use(name: str) -> Profile:
    """Make the profile the current one; raises ProfileProblem when it does not exist."""
    profiles = read()
    chosen = profiles.named(name)
    _write(replace(profiles, current=name))
    return chosen


def read() -> Profiles:
    """Read the file; no file is no profiles. Raises ProfileProblem when it can't be understood."""
    file = config_file()
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        by_name = {
            name: _profile(name, entry) for name, entry in content.get("profiles", {}).items()
        }
        return Profiles(content.get("current"), by_name)
    except FileNotFoundError:
        return Profiles()
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ProfileProblem(
            f"The profiles in {file} can't be read: {error!s}.", remedy="Mend or delete the file."
        ) from error


def _profile(name: str, entry: Mapping[str, Any]) -> Profile:
    megabytes, files = entry.get("code_max_mb"), entry.get("code_max_files")
    return Profile(
        name,
        str(entry["endpoint"]),
        str(entry.get("key", "")),
        None if megabytes is None else float(megabytes),
        None if files is None else int(files),
        str(entry.get("scope", "")),
    )


def _write(profiles: Profiles) -> Path:
    lines = [f"current = {_quoted(profiles.current)}"] if profiles.current else []
    for name, profile in sorted(profiles.by_name.items()):
        lines += ["", f"[profiles.{_quoted(name)}]", f"endpoint = {_quoted(profile.endpoint)}"]
        lines += [f"key = {_quoted(profile.key)}"] if profile.key else []
        lines += [f"scope = {_quoted(profile.scope)}"] if profile.scope else []
        for field_name in ("code_max_mb", "code_max_files"):
            limit = getattr(profile, field_name)
            lines += [] if limit is None else [f"{field_name} = {limit}"]
    file = config_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # made with mode 0600 and renamed: never readable by others, never half written
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=file.name)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write("\n".join(lines) + "\n")
        Path(name).replace(file)
    except OSError as error:
        raise ProfileProblem(f"{file} can't be written: {error.strerror}.") from error
    return file


def _quoted(text: str) -> str:
    """Write a TOML string, for which JSON's form is right but for one character it leaves bare."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
