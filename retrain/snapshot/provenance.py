"""Where the code comes from: the commit, branch and remote of the git repository it lies in.

The names are those that Azure ML gives a job's properties. Without git, or outside of a repository,
there is nothing to tell; that is no error. Nothing of the repository's own is run (hooks, a file
system monitor), and a password in the remote's address stays at home.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

PATIENCE = 20.0  # seconds; a status of a huge repository on a slow disk is not worth more
_QUIET = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_SCP = re.compile(r"(?:(?P<user>[^@/:]*)(?::[^@/]*)?@)?(?P<rest>[^/:]+:.*)")


def git_properties(code: Path) -> dict[str, str]:
    """Return `azureml.git.commit`, `.branch`, `.repository_uri` and `.dirty` (True or False).

    dirty: whether something in the code folder is not as in the commit, new files included. On no
    branch, or without a remote, those two are not there.
    """
    folder = code if code.is_dir() else code.parent
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        return {}
    branch = _git(folder, "symbolic-ref", "--short", "--quiet", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=normal", "--", ".")
    found = {
        "azureml.git.commit": commit,
        "azureml.git.branch": branch,
        "azureml.git.repository_uri": without_credentials(_remote(folder, branch) or ""),
        "azureml.git.dirty": None if changes is None else str(bool(changes)),
    }
    return {name: value for name, value in found.items() if value}


def without_credentials(address: str) -> str:
    """The address of a remote without user, password and query; ssh keeps its user name."""
    if "://" not in address:
        scp = _SCP.fullmatch(address)
        if scp is None or not scp["user"]:
            return scp["rest"] if scp else address
        return f"{scp['user']}@{scp['rest']}"
    try:
        url = urlsplit(address)
        host = url.hostname or ""
        host = f"[{host}]" if ":" in host else host
        place = f"{host}:{url.port}" if url.port else host
    except ValueError:
        return ""
    if url.username and url.scheme.removeprefix("git+") == "ssh":
        place = f"{url.username}@{place}"
    return urlunsplit((url.scheme, place, url.path, "", ""))


def _remote(folder: Path, branch: str | None) -> str | None:
    """The address of the branch's remote, else of `origin`, else of the only one there is."""
    followed = _git(folder, "config", "--get", f"branch.{branch}.remote") if branch else None
    names = (_git(folder, "remote") or "").split("\n")
    name = next((one for one in (followed, "origin", *names[:1]) if one and one in names), None)
    return _git(folder, "remote", "get-url", name) if name else None


def _git(folder: Path, *words: str) -> str | None:
    """What git says, without the line's end; None when it fails, is missing, or takes too long."""
    git = shutil.which("git")
    if git is None:
        return None
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")  # of a hook that calls us
    }
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603  the words are ours, the folder is one argument
            [git, *_QUIET, "-C", str(folder), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    return done.stdout.decode("utf-8", "replace").rstrip("\n")
