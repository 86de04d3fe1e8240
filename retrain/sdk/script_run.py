"""Run configurations as in Azure ML's SDK of 2021: a script, its arguments, and where it runs.

    config = ScriptRunConfig(
        source_directory="src",
        script="train.py",
        arguments=["--rate", 0.1],
        compute_target="local",
        environment=Environment(image="python:3.11-slim"),
    )
    run = Experiment(client, "wine").submit(config)
    run.wait_for_completion(show_output=True)

`compute_target="local"` is this machine: the stack that `retrain up` started. Any other name is a
compute of the client's Retrain, and nothing else has to be changed.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from retrain.sdk.command import Command, command
from retrain.sdk.errors import InvalidJob, WrongType
from retrain.sdk.run import Run
from retrain.sdk.strict import Strict
from retrain.sdk.values import Environment, Input, PathLike, plain

if TYPE_CHECKING:
    from retrain.client import Client

LOCAL = "local"
Argument = str | int | float | bool | Path | Input


@dataclass(slots=True, kw_only=True)
class ScriptRunConfig(Strict):
    """A script to run, and with what.

    source_directory: what travels; relative to the working directory.
    script: the file in it that Python runs, with `arguments`, each of which reaches it as one
    argument exactly as it is, whatever is in it. An Input among them becomes the path of its data.
    command: instead of `script`: the words of a command.
    compute_target: `local`, the name of a compute, an object with such a `name`, or None for nodes
    of the run's own.  max_run_duration_seconds: then the run is ended.
    """

    source_directory: PathLike = "."
    script: PathLike | None = None
    arguments: Sequence[Argument] | str | None = None
    compute_target: Any = None
    environment: Environment | Mapping[str, Any] | str | None = None
    command: Sequence[Argument] | str | None = None
    max_run_duration_seconds: int | None = None
    environment_variables: Mapping[str, str] | None = None
    distributed_job_config: Mapping[str, Any] | None = None

    @property
    def target(self) -> str | None:
        """The compute's name; None for nodes of the run's own."""
        name = getattr(self.compute_target, "name", self.compute_target)
        return None if name is None else str(name)

    def to_command(self, experiment_name: str | None = None) -> Command:
        """Return the command job that it stands for. Raises InvalidJob."""
        words, inputs = self._words()
        if self.environment is None:
            raise InvalidJob(
                ["environment: is missing; write environment=Environment(image=…, conda_file=…)"]
            )
        return command(
            command=" ".join(words),
            environment=self.environment,
            code=self.source_directory,
            inputs=inputs,
            compute=self.target,
            experiment_name=experiment_name,
            environment_variables=self.environment_variables,
            timeout=self.max_run_duration_seconds,
            distribution=self.distributed_job_config,
        )

    def _words(self) -> tuple[list[str], dict[str, Input]]:
        inputs: dict[str, Input] = {}
        if (self.script is None) == (self.command is None):
            raise InvalidJob(["script: give either script or command, and not both"])
        given = [*_split("command", self.command), *_split("arguments", self.arguments)]
        words = [] if self.script is None else ["python", quoted(_inside(self))]
        for argument in given:
            if isinstance(argument, Input):
                name = f"argument_{len(inputs)}"
                inputs[name] = argument
                words.append("${{inputs." + name + "}}")
            else:
                words.append(quoted(str(argument)))
        return words, inputs


def quoted(word: str) -> str:
    """The word for a job's command: data for the shell, and without a binding for Retrain."""
    if "\0" in word:
        raise InvalidJob([f"arguments: {word!r} has a NUL, which no argument can hold"])
    safe = shlex.quote(word)
    return safe.replace("${{", "$''{{").replace("$[[", "$''[[") if safe[:1] == "'" else safe


def _split(field: str, given: Sequence[Argument] | str | None) -> Sequence[Argument]:
    """Raises InvalidJob for quotes that don't end, WrongType for what is no argument."""
    if given is None:
        return []
    if isinstance(given, str):
        try:
            return shlex.split(given)
        except ValueError as error:
            raise InvalidJob([f"{field}: can't be split into words ({error}): {given}"]) from None
    words = [plain(one) if type(one).__module__ == "numpy" else one for one in given]
    wrong = [_wrong(one, f"{field}[{i}]") for i, one in enumerate(words)
             if not isinstance(one, Argument)]  # fmt: skip
    if wrong:
        raise WrongType(wrong)
    return words


def _wrong(value: object, field: str) -> str:
    if value is None:
        return f"{field}: is None, which is no argument; leave it out, or write ''"
    return f"{field}: is a {type(value).__name__}; write a text, a number, a path or an Input"


def _inside(config: ScriptRunConfig) -> str:
    """The script's path in its folder, with `/`. Raises InvalidJob."""
    name = str(config.script).replace("\\", "/")
    path = PurePosixPath(name)
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts:
        raise InvalidJob([f"script: {name} leads out of source_directory; write its path in there"])
    if not (Path(config.source_directory) / path).is_file():
        raise InvalidJob([f"script: {name} is no file in {config.source_directory}"])
    return str(path)


class ScriptRun(Run):
    """A run, with the names that the SDK of 2021 had."""

    @property
    def id(self) -> str:
        return self.name

    def get_status(self) -> str:
        """Look again, and return the status."""
        self.refresh()
        return self.status

    def wait_for_completion(
        self, show_output: bool = False, raise_on_error: bool = True
    ) -> dict[str, Any]:
        """Wait until it is over, and return its details. show_output: print its log meanwhile.

        Raises RunFailed when it did not complete, unless told not to.
        """
        if show_output:
            self.stream(raise_on_error=raise_on_error)
        else:
            self.wait(raise_on_error=raise_on_error)
        return self.get_details()

    def get_details(self) -> dict[str, Any]:
        """Return what there is to know of it, under the names of then."""
        return {
            "runId": self.name,
            "target": self.compute,
            "status": self.status,
            "startTimeUtc": self.started_at and self.started_at.isoformat(),
            "endTimeUtc": self.ended_at and self.ended_at.isoformat(),
            "properties": self.properties,
            "tags": self.tags,
            "error": self.error and {"code": self.error.code, "message": self.error.message},
            "logFiles": {name: name for name in ("stdout.txt", "stderr.txt")},
        }

    def get_metrics(self) -> dict[str, float]:
        """Return the last value of each metric; `metric_history(name)` has all of one."""
        return self.metrics()

    def get_file_names(self) -> list[str]:
        return self.files()

    def download_files(
        self, prefix: str | None = None, output_directory: PathLike | None = None
    ) -> list[Path]:
        """Write its files below `output_directory` (None: the working directory).

        prefix: only those whose path begins so, such as outputs/.
        """
        return self.download(output_directory or ".", prefix=prefix or "")

    def download_file(self, name: str, output_file_path: PathLike | None = None) -> Path:
        """Write one file of it, to the path or (None) under its own last name. Raises ApiError."""
        from tempfile import TemporaryDirectory

        target = Path(output_file_path or PurePosixPath(name).name)
        chosen = [one for one in self._client.outputs(self.name) if one["path"] == name]
        if not chosen:
            raise InvalidJob(
                [f"{name}: the run has no such file; it has: {', '.join(self.files())}"]
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=target.parent, prefix=".retrain-") as folder:
            (written,) = self._client.download(self.name, Path(folder), files=chosen)
            return written.replace(target)


class Experiment:
    """A group of runs under one name."""

    def __init__(self, client: "Client", name: str) -> None:
        self.client = client
        self.name = name

    def submit(self, config: ScriptRunConfig, tags: Mapping[str, str] | None = None) -> ScriptRun:
        """Upload what is new of the source directory, and start the script.

        Raises InvalidJob, SnapshotRefused, ClientError; ProfileProblem when `local` is asked for
        and there never was a stack on this machine.
        """
        from retrain.sdk.jobs import submitted

        job = config.to_command(self.name)
        job.tags.update(tags or {})
        client = self.client.local() if config.target == LOCAL else self.client
        return ScriptRun(client, submitted(client, job))

    def get_runs(self) -> Iterator[ScriptRun]:
        """Yield the experiment's runs, newest first."""
        for one in self.client.list_jobs((), self.name):
            yield ScriptRun(self.client, one)

    def __repr__(self) -> str:
        return f"Experiment(name={self.name!r})"
