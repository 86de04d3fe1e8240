"""Tokens of Microsoft Entra ID, for a Retrain that asks for them.

RETRAIN_TOKEN gives one, for machines; else the Azure CLI, or azd, is asked with whom somebody is
signed in. It is kept in memory only, until shortly before it ends.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Generator
from threading import Lock
from typing import Final

import httpx

from retrain.problem import Problem

#: Seconds before its end from which on a token is not used any more: clocks differ.
BEFORE_ITS_END: Final = 120
#: Programs that give tokens: how they are asked, and the field that holds it.
ASKED: Final = {
    "az": (("account", "get-access-token", "--output", "json", "--scope"), "accessToken"),
    "azd": (("auth", "token", "--output", "json", "--scope"), "token"),
}
_PATIENCE: Final = 60  # seconds


class NotSignedIn(Problem):
    """Nobody is signed in here, or there is nothing to sign in with."""


class SignIn(httpx.Auth):
    """Signs requests for `scope`, api://<client>/.default. One that is refused gets a new token."""

    def __init__(self, scope: str) -> None:
        self.scope = scope
        self._lock = Lock()
        self._token = ""
        self._good_until = 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self.token()}"
        response = yield request
        if response.status_code == 401 and not os.environ.get("RETRAIN_TOKEN"):
            request.headers["Authorization"] = f"Bearer {self.token(anew=True)}"
            yield request

    def token(self, *, anew: bool = False) -> str:
        """Raises NotSignedIn."""
        if given := os.environ.get("RETRAIN_TOKEN"):
            return given
        with self._lock:
            if anew or time.time() > self._good_until - BEFORE_ITS_END:
                self._token, self._good_until = _asked(self.scope)
            return self._token


def _asked(scope: str) -> tuple[str, float]:
    """A token, and when it ends, in seconds since 1970."""
    said = ""
    for program, (words, field) in ASKED.items():
        path = shutil.which(program)
        if path is None:
            continue
        try:
            done = subprocess.run(  # noqa: S603  the user's own tool, with words of ours
                [path, *words, scope],
                capture_output=True,
                text=True,
                timeout=_PATIENCE,
                check=False,
            )
            if done.returncode == 0:
                answer = json.loads(done.stdout)
                # Only `az` says the time in a form that has a zone; others get half an hour.
                return str(answer[field]), float(answer.get("expires_on", time.time() + 1800))
            said = said or (done.stderr.strip().splitlines() or [""])[-1]
        except (OSError, ValueError, KeyError, TypeError, subprocess.TimeoutExpired) as error:
            said = said or f"{program}: {error}"
    raise NotSignedIn(
        f"There is no token for {scope}{f' ({said})' if said else ''}.",
        remedy="Sign in with `az login` or `azd auth login`, or give one in RETRAIN_TOKEN.",
    )
