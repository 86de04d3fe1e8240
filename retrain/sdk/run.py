"""A run, as it was when last looked at; `refresh` looks again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from retrain.client import Client
    from retrain.client.records import Cost
    from retrain.sdk.values import PathLike


@dataclass(frozen=True, slots=True)
class Moment:
    """From `at` on the run had this status; `note` may be empty."""

    status: str
    at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class RunError:
    """Why a run failed: a word for programs, a sentence, and what to do ("" when unknown)."""

    code: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class MetricValue:
    """A point of a metric: its value at a step, and when it was logged."""

    value: float
    step: int
    at: datetime


@dataclass(frozen=True, slots=True)
class RunSource:
    """Who asked for the run. kind: http, data, cron, …; path: of the file that landed."""

    kind: str
    schedule: str | None
    path: str | None


class Run:
    """One execution of a job.

    A run from `client.jobs.list()` knows what a list shows; the first use of anything else asks for
    the rest. Times are aware, in UTC. In a notebook it shows itself as a table.
    """

    def __init__(self, client: "Client", record: Mapping[str, Any]) -> None:
        self._client = client
        self._record = dict(record)

    @property
    def name(self) -> str:
        """Unique, and sortable by time."""
        return str(self._record["name"])

    @property
    def status(self) -> str:
        """As it was when last looked at, for example Running."""
        return str(self._record["status"])

    @property
    def final(self) -> bool:
        """Whether it is over: Completed, Failed or Canceled."""
        from retrain.client.records import FINAL

        return self.status in FINAL

    @property
    def display_name(self) -> str | None:
        return cast(str | None, self._get("display_name"))

    @property
    def experiment_name(self) -> str | None:
        return cast(str | None, self._get("experiment_name"))

    @property
    def description(self) -> str | None:
        return cast(str | None, self._get("description"))

    @property
    def tags(self) -> dict[str, str]:
        return dict(self._get("tags") or {})

    @property
    def properties(self) -> dict[str, str]:
        """Among them where the code came from: azureml.git.commit, .branch, .dirty."""
        return dict(self._get("properties") or {})

    @property
    def compute(self) -> str | None:
        return cast(str | None, self._get("compute"))

    @property
    def environment(self) -> str | None:
        """Its name, or its image."""
        return cast(str | None, self._get("environment"))

    @property
    def attempt(self) -> int:
        """Which try it is, from 1; 0 before there was compute."""
        return int(self._get("attempt"))

    @property
    def created_at(self) -> datetime:
        return datetime.fromisoformat(self._get("created_at"))

    @property
    def started_at(self) -> datetime | None:
        """When the script of the last attempt began."""
        return _time(self._get("started_at"))

    @property
    def ended_at(self) -> datetime | None:
        return _time(self._get("ended_at"))

    @property
    def source(self) -> RunSource:
        given = self._get("source")
        return RunSource(given["kind"], given.get("schedule"), given.get("path"))

    @property
    def cost(self) -> "Cost | None":
        """What it cost, as an estimate, with what that rests on; None before there was compute."""
        return cast("Cost | None", self._get("cost"))

    @property
    def timeline(self) -> tuple[Moment, ...]:
        return tuple(
            Moment(one["status"], datetime.fromisoformat(one["at"]), one.get("note") or "")
            for one in self._get("timeline")
        )

    @property
    def error(self) -> RunError | None:
        given = self._get("error")
        return RunError(given["code"], given["message"], given["remedy"] or "") if given else None

    @property
    def inputs(self) -> dict[str, Any]:
        return dict(self._get("inputs") or {})

    @property
    def outputs(self) -> dict[str, Any]:
        """The declared ones; `files` says what there is."""
        return dict(self._get("outputs") or {})

    @property
    def job(self) -> dict[str, Any]:
        """The job's document, as it was submitted."""
        return dict(self._get("job"))

    def to_dict(self) -> dict[str, Any]:
        """Return everything that the API tells of the run."""
        self._get("timeline")
        return dict(self._record)

    def refresh(self) -> "Run":
        """Look again; returns itself."""
        self._record = dict(self._client.get_job(self.name))
        return self

    def wait(self, timeout: float | None = None, *, raise_on_error: bool = True) -> "Run":
        """Wait until it is over, and show nothing; returns itself.

        timeout: in seconds, after which TimeoutError is raised and the run goes on.
        Raises RunFailed when it did not complete, unless told not to.
        """
        from retrain.sdk.streaming import wait

        self._record = dict(wait(self._client, self.name, timeout))
        return self._ended(raise_on_error=raise_on_error)

    def stream(self, *, raise_on_error: bool = True, file: TextIO | None = None) -> "Run":
        """Print its status and log until it is over; returns itself.

        file: where to, instead of sys.stdout.
        Raises RunFailed when it did not complete, unless told not to.
        """
        from retrain.sdk.streaming import show

        self._record = dict(show(self._client, self.name, file))
        return self._ended(raise_on_error=raise_on_error)

    def cancel(self) -> "Run":
        """Ask for its end; one that is over stays as it is. Returns itself."""
        self._record = dict(self._client.cancel(self.name))
        return self

    def logs(self, file: str = "stdout.txt", attempt: int | None = None) -> str:
        """Return what the script has printed so far. file: stdout.txt or stderr.txt.

        attempt: by its number; None is the last one.
        """
        from retrain.sdk.streaming import log

        return log(self._client, self.name, file, attempt)

    def files(self) -> list[str]:
        """Return what the run left: outputs/…, logs/…, stdout.txt, stderr.txt."""
        return [one["path"] for one in self._client.outputs(self.name)]

    def download(
        self,
        download_path: "PathLike | None" = None,
        *,
        prefix: str = "",
        output_name: str | None = None,
    ) -> list[Path]:
        """Write the run's files below `download_path` (None: ./<name of the run>).

        prefix: only those whose path begins so, such as logs/.  output_name: only what that
        declared output holds.  Returns where they are; files of the same names are replaced.
        """
        chosen = [one for one in self._client.outputs(self.name) if one["path"].startswith(prefix)]
        if output_name is not None:
            place = f"outputs/{output_name}"
            chosen = [one for one in chosen if f"{one['path']}/".startswith(f"{place}/")]
        folder = Path(self.name if download_path is None else download_path)
        return self._client.download(self.name, folder, files=chosen)

    def metrics(self) -> dict[str, float]:
        """Return the last value of each metric that the script has logged with MLflow so far."""
        found = self._client.metrics(self.name)["metrics"]
        return {name: float(one["last"]["value"]) for name, one in found.items()}

    def metric_history(self, name: str) -> list[MetricValue]:
        """Return all points of one metric, by step; none when nobody logged it."""
        points = self._client.metric_history(self.name, name)
        return [
            MetricValue(
                float(one["value"]),
                one["step"],
                datetime.fromtimestamp(one["timestamp"] / 1000, UTC),
            )
            for one in points
        ]

    def params(self) -> dict[str, str]:
        """Return the parameters that the script has logged with MLflow so far."""
        return dict(self._client.metrics(self.name)["params"])

    def _get(self, field: str) -> Any:
        if field not in self._record:
            self.refresh()
        return self._record.get(field)

    def _ended(self, *, raise_on_error: bool) -> "Run":
        if raise_on_error and self.status != "Completed":
            from retrain.sdk.errors import RunFailed

            raise RunFailed(self)
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, status={self.status!r})"

    def _repr_html_(self) -> str:
        from retrain.sdk.html import run_table

        return run_table(self)


class Runs(list[Run]):
    """Runs, newest first; in a notebook, a table."""

    def _repr_html_(self) -> str:
        from retrain.sdk.html import list_table

        return list_table(self)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
