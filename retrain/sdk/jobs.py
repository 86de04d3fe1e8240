"""`client.jobs`: start jobs, and look at the runs that they become."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrain.sdk.command import Command
from retrain.sdk.run import Run, Runs
from retrain.sdk.values import PathLike

if TYPE_CHECKING:
    from retrain.client import Client
    from retrain.snapshot import Limits


class Jobs:
    """Each method may raise a ClientError: Unreachable, ApiError and so on."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def create_or_update(self, job: Command | PathLike, *, limits: "Limits | None" = None) -> Run:
        """Upload what is new of the job's code and inputs, and start a run of it.

        job: a Command, or the path of a job file.  Each call is another run.
        limits: how much code may travel; None: as variables or the profile say, else 300 MB.
        Raises InvalidJob, SnapshotRefused and ClientError; then nothing was started.
        """
        return Run(self._client, submitted(self._client, job, limits))

    def get(self, name: str) -> Run:
        """Raises ApiError (404) when there is no run of that name."""
        return Run(self._client, self._client.get_job(name))

    def stream(self, name: str) -> Run:
        """Print the run's status and log until it is over.

        Raises RunFailed when it did not complete.
        """
        return self.get(name).stream()

    def wait(self, name: str, timeout: float | None = None) -> Run:
        """Wait until the run is over, and show nothing. timeout: seconds.

        Raises RunFailed when it did not complete, and TimeoutError.
        """
        return self.get(name).wait(timeout)

    def cancel(self, name: str) -> Run:
        """Ask for the run's end; one that is over stays as it is."""
        return Run(self._client, self._client.cancel(name))

    def download(
        self,
        name: str,
        download_path: PathLike | None = None,
        *,
        output_name: str | None = None,
    ) -> list[Path]:
        """Write the run's files below `download_path` (None: ./<name of the run>).

        output_name: only what a declared output holds.  Returns where the files are.
        """
        return self.get(name).download(download_path, output_name=output_name)

    def list(
        self,
        *,
        status: str | Sequence[str] = (),
        experiment_name: str | None = None,
        max_results: int | None = None,
        schedule: str | None = None,
    ) -> Runs:
        """Return runs, newest first. max_results: None is all of them. schedule: the name of the
        schedule that started them.

        status: one or several of Completed, Failed, Running, …; in capitals or not.
        Raises UnknownStatus for a word that is none of them.
        """
        wanted = [_status(one) for one in ([status] if isinstance(status, str) else status)]
        found = self._client.list_jobs(wanted, experiment_name, max_results, schedule)
        return Runs(Run(self._client, one) for one in found)


def submitted(
    client: "Client", job: Command | PathLike, limits: "Limits | None" = None
) -> dict[str, Any]:
    """Start a run of the job, and return its record."""
    asked_at = datetime.now(UTC)
    from retrain.sdk.checking import checked_job
    from retrain.submit import submit

    if not isinstance(job, Command):
        from retrain.sdk.load import load_job

        job = load_job(job)
    return dict(submit(client, checked_job(job), asked_at=asked_at, limits=limits))


def _status(word: str) -> str:
    from retrain.client.records import STATUSES
    from retrain.sdk.errors import UnknownStatus

    known = {one.lower(): one for one in STATUSES}
    if str(word).lower() not in known:
        raise UnknownStatus(word, STATUSES)
    return known[str(word).lower()]
