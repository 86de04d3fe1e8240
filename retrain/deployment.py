"""What `azd up` made, as azd's own folder tells it: `.azure/<environment>/.env`."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retrain.problem import Problem

_PATIENCE: Final = 120  # seconds


class NoDeployment(Problem):
    """There is no azd environment, or it has not been deployed."""

    exit_code = 2


class NoKey(Problem):
    """The function key could not be had."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """client: the application that callers have tokens for; "" when they have function keys."""

    environment: str
    endpoint: str
    client: str
    app: str
    group: str

    @property
    def scope(self) -> str:
        return f"api://{self.client}/.default" if self.client else ""


def read(folder: Path, environment: str | None = None) -> Deployment:
    """environment: None is azd's default one. Raises NoDeployment."""
    home = folder / ".azure"
    name = environment or _default(home)
    file = home / name / ".env"
    if not file.is_file():
        known = ", ".join(sorted(one.parent.name for one in home.glob("*/.env"))) or "none"
        raise NoDeployment(
            f"There is no azd environment {name!r} in {home} (known: {known}).",
            remedy="Deploy with `azd up`, or name one with --environment.",
        )
    values = _variables(file.read_text(encoding="utf-8"))
    if not values.get("RETRAIN_ENDPOINT"):
        raise NoDeployment(
            f"The azd environment {name!r} has not been deployed: {file} has no RETRAIN_ENDPOINT.",
            remedy="Deploy it with `azd up`.",
        )
    return Deployment(
        name,
        values["RETRAIN_ENDPOINT"],
        values.get("RETRAIN_ENTRA_CLIENT_ID", ""),
        values.get("RETRAIN_APP_NAME", ""),
        values.get("AZURE_RESOURCE_GROUP", ""),
    )


def function_key(deployment: Deployment) -> str:
    """The app's default key, from the Azure CLI. Raises NoKey."""
    az = shutil.which("az")
    by_hand = "Give it with --key; the portal shows it under the app's App keys."
    if az is None:
        raise NoKey("The Azure CLI, which knows the function key, is not here.", remedy=by_hand)
    ask = ["functionapp", "keys", "list", "--name", deployment.app, "--resource-group"]
    ask += [deployment.group, "--query", "functionKeys.default", "--output", "tsv"]
    try:
        done = subprocess.run(  # noqa: S603  the user's own tool, with words of ours
            [az, *ask], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoKey(f"The Azure CLI did not answer: {error}.", remedy=by_hand) from error
    if done.returncode != 0 or not done.stdout.strip():
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise NoKey(f"The Azure CLI gave no function key: {said}", remedy=by_hand)
    return done.stdout.strip()


def _default(home: Path) -> str:
    try:
        return str(json.loads((home / "config.json").read_text())["defaultEnvironment"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise NoDeployment(
            f"No azd environment is chosen in {home}.",
            remedy="Run it where you ran `azd up`, or name one with --environment.",
        ) from error


def _variables(text: str) -> Mapping[str, str]:
    """azd writes NAME="value", with JSON's escapes."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith("#"):
            continue
        try:
            found[name] = str(json.loads(value)) if value.startswith('"') else value
        except ValueError:
            found[name] = value.strip('"')
    return found
