"""What the demo does and shows, step by step, over HTTP like any user."""

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from retrain.client import Client, Ended, LogText, StatusChanged
from retrain.client.records import Run
from retrain.jobfile import read_schedule
from retrain.local.stack import ROOT, Stack
from retrain.problem import Problem
from retrain.submit import put_schedule

WINE: Final = ROOT / "examples" / "wine"
LANDING: Final = "wine/2026-week-47.csv"
_PATIENCE: Final = 60.0  # seconds until the file's run must have shown up


@dataclass(frozen=True, slots=True)
class Story:
    stack: Stack
    client: Client
    console: Console
    folder: Path

    def tell(self) -> None:
        """Raises Problem when a step doesn't come out as it should."""
        self._intro()
        schedule = read_schedule(WINE / "retrain-on-new-data.yml")
        put_schedule(self.client, schedule)
        self._step("schedule", "retrain-wine: a file that lands at wine/*.csv starts a run")
        uploaded = time.monotonic()
        self.client.upload_data(WINE / "data" / "wine-new.csv", LANDING)
        self._step("event", f"blob data/{LANDING} has landed; nobody does anything from here on")
        name = self._started(uploaded)
        self._step("request", f"the blob's event became a training request, and that run {name}")
        run = self._followed(name)
        self._timeline(run)
        if run["status"] != "Completed":
            error = run["error"] or {"message": "", "remedy": ""}
            raise Problem(f"The run ended {run['status']}: {error['message']}", error["remedy"])
        self._model(run)
        self._nothing_left()

    def _intro(self) -> None:
        addresses = self.stack.addresses
        self.console.print(
            f"\n[bold]Retrain is up[/bold] at {addresses['api']}, on loopback: Azurite, "
            f"Service Bus, Batch, Functions host; tasks run in: {addresses['engine']}\n"
        )

    def _step(self, what: str, text: str) -> None:
        self.console.print(f"[cyan]{what:>13}[/cyan]  {text}", soft_wrap=True)

    def _started(self, since: float) -> str:
        while time.monotonic() - since < _PATIENCE:
            for run in self.client.list_jobs(limit=1):
                return run["name"]
            time.sleep(0.05)
        raise Problem("The file started no run.", f"Look into {self.folder / 'stack.log'}.")

    def _followed(self, name: str) -> Run:
        seen: set[str] = set()
        for item in self.client.follow(name):
            if isinstance(item, StatusChanged):
                self._step(item.status, item.note)
                self._compute(seen)
            elif isinstance(item, LogText):
                for line in item.text.splitlines():
                    self.console.print(f"{'│':>13}  [dim]{line}[/dim]", soft_wrap=True)
            elif isinstance(item, Ended):
                return item.run
        raise Problem("The run's end was not told.")

    def _compute(self, seen: set[str]) -> None:
        """Say what exists in Batch, the first time that it is seen."""
        compute = self.client.compute()
        things: Sequence[tuple[str, Sequence[Any]]] = (
            ("job", compute["jobs"]),
            ("pool", compute["pools"]),
        )
        for kind, entries in things:
            for entry in entries:
                if kind not in seen:
                    seen.add(kind)
                    self._step(f"Batch {kind}", f"{entry['id']} ({entry['state']})")

    def _timeline(self, run: Run) -> None:
        table = Table(title=f"\n{run['name']}", title_justify="left")
        for column in ("status", "at (UTC)", "seconds", "note"):
            table.add_column(column, justify="right" if column == "seconds" else "left")
        for status, at, seconds, note in spent(run):
            table.add_row(status, at, seconds, note)
        self.console.print(table)

    def _model(self, run: Run) -> None:
        """Fetch what the run left, load the model where its libraries are, and predict."""
        place = self.folder / "model"
        for path in self.client.download(run["name"], place):
            self._step("output", f"{path.relative_to(place)}  {path.stat().st_size:,} bytes")
        model = next(place.rglob("model.joblib"))
        metrics = json.loads(next(place.rglob("metrics.json")).read_text())
        said = json.loads(self._predict(run, model))
        self._step("model", f"accuracy {metrics['accuracy']} on {metrics['held_out_rows']} wines")
        self._step(
            "prediction",
            f"loaded {said['model']}, {model.stat().st_size:,} bytes: "
            f"right about {said['right']} of the file's {said['wines']} wines, many known to it",
        )

    def _predict(self, run: Run, model: Path) -> str:
        command = [*self._python(run, model), str(WINE / "src" / "predict.py")]
        command += ["--model", str(model), "--data", str(WINE / "data" / "wine-new.csv")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise Problem(f"The model can't be loaded: {done.stderr.strip()[-500:]}")
        return done.stdout

    def _python(self, run: Run, model: Path) -> list[str]:
        """The interpreter that has the model's libraries: the run's own environment."""
        image, engine = run["image"] or "", self.stack.engine
        if engine is None:
            key = image.rpartition(":")[2]
            return [str(self.stack.images.environments / key / "bin" / "python")]
        mounts = [f"--volume={folder}:{folder}:ro" for folder in (WINE, model.parent)]
        return [*engine.command, "run", "--rm", *engine.run_options, *mounts, image, "python3"]

    def _nothing_left(self) -> None:
        until = time.monotonic() + _PATIENCE
        while any((left := self.client.compute()).values()):  # Batch deletes in its own time
            if time.monotonic() > until:
                raise Problem(f"Batch still lists {left}.")
            time.sleep(0.05)
        self._step("compute", "no compute left: Batch lists 0 jobs and 0 pools")


def spent(run: Run) -> Iterator[tuple[str, str, str, str]]:
    """Status, its beginning, the seconds spent in it, and its note."""
    moments = run["timeline"]
    times = [datetime.fromisoformat(moment["at"]) for moment in moments]
    for moment, begin, end in zip(moments, times, [*times[1:], None], strict=True):
        seconds = f"{(end - begin).total_seconds():.2f}" if end else ""
        yield moment["status"], f"{begin:%H:%M:%S.%f}"[:-3], seconds, moment["note"]
