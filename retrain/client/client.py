"""The API as Python calls: one method for each thing that a user can ask.

    with Client("http://127.0.0.1:7071", key) as client:
        run = client.create_job({"command": "echo hello", "environment": {"image": "python"}})
        for item in client.follow(run["name"]):
            print(item)

It speaks HTTP to the API and to addresses in Blob Storage that the API hands out; it knows no SDK
and no account. All methods may raise the errors drawn in retrain/client/errors.py.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlsplit

import httpx

from retrain.client import transfers
from retrain.client.assets import AssetCalls
from retrain.client.computes import ComputeCalls
from retrain.client.connection import Connection
from retrain.client.dead_letters import DeadLetterCalls
from retrain.client.environments import EnvironmentCalls
from retrain.client.errors import LOOPBACK
from retrain.client.follow import Item, follow
from retrain.client.metric_records import MetricPoint, MlflowAccess, Scores
from retrain.client.parallel import Progress, silent
from retrain.client.records import Document, Health, LogChunk, OutputFile, Run, RunSummary
from retrain.client.schedules import ScheduleCalls
from retrain.contexts import BuildContext
from retrain.profile import choose
from retrain.snapshot import Snapshot

if TYPE_CHECKING:
    from retrain.sdk.assets import Assets
    from retrain.sdk.jobs import Jobs
    from retrain.sdk.schedule import Schedules

PAGE = 100  # runs asked for at once
LOCAL = "local"  # the profile that `retrain up` writes


class Client(AssetCalls, ComputeCalls, DeadLetterCalls, EnvironmentCalls, ScheduleCalls):
    """Use it in a `with` block; its methods may be called from several threads.

    endpoint: None is that of the profile in use, or of `profile`, with its key.
    key: the function key, sent to the endpoint and nowhere else.
    transport: of httpx, for both the API and Blob Storage; None is the network.

    `jobs` and `schedules` take and give objects; the other methods are the API's own, with plain
    documents.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        key: str = "",
        transport: httpx.BaseTransport | None = None,
        *,
        profile: str | None = None,
    ) -> None:
        self.profile = choose(profile) if endpoint is None else None
        if self.profile is not None:
            endpoint, key = self.profile.endpoint, key or self.profile.key
        assert endpoint is not None
        self._local: Client | None = None
        scope, origin = (self.profile.scope, self.profile.origin) if self.profile else ("", "")
        self._connection = Connection(endpoint, key, transport, scope, origin)
        self.endpoint = self._connection.endpoint

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._local is not None:
            self._local.close()
        self._connection.close()

    @property
    def jobs(self) -> "Jobs":
        """Jobs and runs as objects."""
        from retrain.sdk.jobs import Jobs

        return Jobs(self)

    @property
    def schedules(self) -> "Schedules":
        """Schedules as objects."""
        from retrain.sdk.schedule import Schedules

        return Schedules(self)

    @property
    def data(self) -> "Assets":
        """Registered data as objects."""
        from retrain.sdk.assets import Assets, Data

        return Assets(self, Data)

    @property
    def models(self) -> "Assets":
        """Registered models as objects."""
        from retrain.sdk.assets import Assets, Model

        return Assets(self, Model)

    def local(self) -> "Client":
        """Return a client for the stack on this machine: this one, when that is what it talks to.

        Else it is the one of profile `local`, and is closed with this one. Raises ProfileProblem.
        """
        if urlsplit(self.endpoint).hostname in LOOPBACK:
            return self
        if self._local is None:
            self._local = Client(profile=LOCAL)
        return self._local

    def health(self) -> Health:
        """Whether somebody is there, and how many dead letters there are; needs no key."""
        return cast(Health, self._connection.json("GET", "/api/health"))

    # runs

    def create_job(self, document: Document, asked_at: datetime | None = None) -> Run:
        """Submit a resolved job document.

        asked_at: when the user asked for it (None: now). The same document with the same moment is
        the same run, however often it is sent.
        """
        asked = asked_at or datetime.now(UTC)
        once = json.dumps([document, asked.isoformat()], sort_keys=True).encode()
        headers = {"Idempotency-Key": hashlib.sha256(once).hexdigest()}
        return cast(Run, self._connection.json("POST", "/api/jobs", body=document, headers=headers))

    def list_jobs(
        self,
        status: Sequence[str] = (),
        experiment: str | None = None,
        limit: int | None = None,
        schedule: str | None = None,
    ) -> Iterator[RunSummary]:
        """Yield runs, newest first, at most `limit`; pages are asked for as they are needed.

        schedule: only those that it started.
        """
        params = _wanted(status, experiment, schedule)
        left = limit
        while left is None or left > 0:
            params["limit"] = PAGE if left is None else min(PAGE, left)
            page = self._connection.json("GET", "/api/jobs", params=params)
            yield from page["jobs"]
            if not page["next"]:
                return
            params["before"] = page["next"]
            left = None if left is None else left - len(page["jobs"])

    def count_jobs(
        self,
        status: Sequence[str] = (),
        experiment: str | None = None,
        schedule: str | None = None,
    ) -> int:
        """How many `list_jobs` would yield without a limit."""
        params = _wanted(status, experiment, schedule) | {"limit": 1}
        return int(self._connection.json("GET", "/api/jobs", params=params)["total"])

    def get_job(self, name: str) -> Run:
        return cast(Run, self._connection.json("GET", _job(name)))

    def cancel(self, name: str) -> Run:
        """Ask for the run to end; one that is over stays as it is."""
        return cast(Run, self._connection.json("POST", f"{_job(name)}/cancel"))

    def logs(
        self, name: str, file: str = "stdout.txt", offset: int = 0, attempt: int | None = None
    ) -> LogChunk:
        """Return what the log has from `offset` (bytes), at most 1 MiB of it.

        attempt: by its number; None is the last one.
        """
        params = {"file": file, "offset": offset, **_of(attempt)}
        answer = self._connection.api("GET", f"{_job(name)}/logs", params=params)
        following = int(answer.headers.get("Retrain-Next-Offset", offset + len(answer.content)))
        return LogChunk(answer.content, following, answer.headers.get("Retrain-Complete") == "true")

    def follow(self, name: str) -> Iterator[Item]:
        """Yield the run's changes of status and its log as they happen; see follow.py."""
        return follow(self, name)

    def outputs(self, name: str, attempt: int | None = None) -> list[OutputFile]:
        """Return what an attempt left, by its number; None is the last one."""
        where = f"{_job(name)}/outputs"
        answer = self._connection.json("GET", where, params=_of(attempt))
        return cast(list[OutputFile], answer["files"])

    def download(
        self,
        name: str,
        folder: Path,
        progress: Progress = silent,
        files: Sequence[OutputFile] | None = None,
        attempt: int | None = None,
    ) -> list[Path]:
        """Write the run's files (None: all of `outputs`) below `folder`; return where they are.

        attempt: whose files, by its number; None is the last one.

        What is there under the same name is replaced, once the new file is whole.
        """
        chosen = self.outputs(name, attempt) if files is None else files
        query = _of(attempt)
        return transfers.get_outputs(self._connection, name, chosen, folder, progress, query)

    # what scripts logged with MLflow

    def metrics(self, name: str) -> Scores:
        """Metrics, params and tags of a run or of a child run, and of its children."""
        return cast(Scores, self._connection.json("GET", f"{_job(name)}/metrics"))

    def metric_history(self, name: str, key: str) -> list[MetricPoint]:
        """All points of one metric, by step; none when nobody logged it."""
        path = f"{_job(name)}/metrics/{quote(key)}"
        return cast(list[MetricPoint], self._connection.json("GET", path)["points"])

    def mlflow_access(self, hours: int = 12) -> MlflowAccess:
        """What MLflow's client needs to read and write all runs for so many hours, 720 at most."""
        params = {"hours": hours}
        given = self._connection.json("POST", "/api/tracking-tokens", params=params)
        return {
            "uri": self.endpoint + given["path"],
            "token": given["token"],
            "expires_at": given["expires_at"],
        }

    # what runs need

    def ensure_snapshot(self, snapshot: Snapshot, progress: Progress = silent) -> str:
        """Upload the snapshot unless it is there; return its uri, for a job's `code`."""
        return transfers.put_snapshot(self._connection, snapshot, progress)

    def ensure_context(self, context: BuildContext, progress: Progress = silent) -> str:
        """Upload the build context unless it is there; return its uri, for `build.path`."""
        return transfers.put_context(self._connection, context, progress)

    def upload_inputs(self, path: Path, progress: Progress = silent) -> str:
        """Upload a file or folder, as far as it is not there; return its uri for an input.

        It is stored by its content, out of reach of schedules that watch for data.
        """
        return transfers.put_inputs(self._connection, path, progress)

    def upload_data(
        self, path: Path, to: str | None = None, progress: Progress = silent
    ) -> list[str]:
        """Upload a file or folder to the data container, where schedules see it; return the uris.

        to: path there, such as wine/new.csv; one that ends with `/` is a folder. None: as here.
        """
        return transfers.put_data(self._connection, path, to, progress)


def _wanted(status: Sequence[str], experiment: str | None, schedule: str | None) -> dict[str, Any]:
    """The query of a list of runs."""
    named = {"experiment": experiment, "schedule": schedule}
    return {"status": list(status)} | {name: value for name, value in named.items() if value}


def _of(attempt: int | None) -> dict[str, Any]:
    return {} if attempt is None else {"attempt": attempt}


def _job(name: str) -> str:
    return f"/api/jobs/{quote(name, safe='')}"
