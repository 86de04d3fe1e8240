"""From a job file to a run: what lies on this machine is uploaded, then the document is sent.

Only what the service does not have yet travels: code and inputs are stored by their content.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from retrain.client import Client, Run
from retrain.client.records import Asset
from retrain.code_limits import code_limits
from retrain.contexts import pack_context
from retrain.jobfile import AssetFile, JobFile, ScheduleFile
from retrain.snapshot import Limits, take_snapshot
from retrain.snapshot.provenance import git_properties


class Display(Protocol):
    """Shows how far an upload is."""

    def moving(self, what: str, size: int) -> AbstractContextManager[Callable[[int], None]]:
        """Enter it for the upload of `what`, of `size` bytes; call it with each count of bytes."""
        ...


class Quiet:
    """A display that shows nothing."""

    def moving(self, what: str, size: int) -> AbstractContextManager[Callable[[int], None]]:
        return nullcontext(lambda _: None)


QUIET = Quiet()


def submit(
    client: Client,
    file: JobFile,
    display: Display = QUIET,
    asked_at: datetime | None = None,
    limits: Limits | None = None,
) -> Run:
    """Upload the job's code and local inputs, and create the run.

    asked_at: when the user asked; see Client.create_job.  limits: of the code; None: as the
    environment says.  Raises SnapshotRefused and what the client raises.
    """
    job = _resolved(client, file.document, file, display, limits)
    return client.create_job(job, asked_at)


def put_schedule(
    client: Client, file: ScheduleFile, display: Display = QUIET, limits: Limits | None = None
) -> dict[str, Any]:
    """Upload what the schedule's job needs, and create the schedule or replace it."""
    job = _resolved(client, file.document["create_job"], file, display, limits)
    return client.create_schedule({**file.document, "create_job": job})


def register(client: Client, kind: str, file: AssetFile, display: Display = QUIET) -> Asset:
    """Upload what the file of data or of a model names on this machine, and register it.

    kind: "data" or "models".
    """
    document = file.document
    if file.local is not None:
        noun = kind.removesuffix("s")
        with display.moving(f"{noun} {document['name']}", size_of(file.local)) as progress:
            document = {**document, "path": client.upload_inputs(file.local, progress)}
    return client.register_asset(kind, document)


def _resolved(
    client: Client,
    job: dict[str, Any],
    file: JobFile | ScheduleFile,
    display: Display,
    limits: Limits | None,
) -> dict[str, Any]:
    resolved = dict(job)
    resolved.pop("additional_includes", None)
    if file.code is not None:
        resolved["properties"] = git_properties(file.code) | job.get("properties", {})
    if file.code is not None or file.includes:
        with take_snapshot(
            file.code, limits or code_limits(client.profile), file.includes
        ) as snapshot:
            count = f"{snapshot.files:,} file{'s' * (snapshot.files != 1)}"
            with display.moving(f"code, {count}", snapshot.size) as progress:
                resolved["code"] = client.ensure_snapshot(snapshot, progress)
    if file.context is not None:
        resolved["environment"] = with_context(client, job["environment"], file.context, display)
    if file.local_inputs:
        resolved["inputs"] = dict(job["inputs"])
    uris: dict[Path, str] = {}
    for name, path in file.local_inputs.items():
        if path not in uris:
            with display.moving(f"input {name}", size_of(path)) as progress:
                uris[path] = client.upload_inputs(path, progress)
        resolved["inputs"][name] = {**job["inputs"][name], "path": uris[path]}
    return resolved


def with_context(
    client: Client, environment: dict[str, Any], folder: Path, display: Display = QUIET
) -> dict[str, Any]:
    """The environment with its build context, the folder, uploaded. Raises ContextRefused."""
    build = environment["build"]
    with pack_context(folder, build.get("dockerfile_path", "Dockerfile")) as context:
        count = f"{context.files:,} file{'s' * (context.files != 1)}"
        with display.moving(f"build context, {count}", context.size) as progress:
            uri = client.ensure_context(context, progress)
    return {**environment, "build": {**build, "path": uri}}


def size_of(path: Path) -> int:
    """Return the size in bytes of a file, or of all files of a folder; 0 when it does not exist."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.exists() else 0
