"""A command job as an object that can be changed until it is submitted."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from retrain.sdk.errors import InvalidJob, nearest
from retrain.sdk.strict import (
    Fields,
    LimitsSection,
    QueueSection,
    ResourcesSection,
    RetrySection,
    Strict,
)
from retrain.sdk.values import Environment, Input, Output, PathLike, Scalar, given, plain

if TYPE_CHECKING:
    from retrain.jobfile.source import Source

#: Fields that are mappings with attributes, whatever mapping they are set to.
_SECTIONS: Final[Mapping[str, type[Fields[Any]]]] = {
    "inputs": Fields,
    "outputs": Fields,
    "limits": LimitsSection,
    "resources": ResourcesSection,
    "queue_settings": QueueSection,
    "retry": RetrySection,
}


@dataclass(kw_only=True, eq=False)
class Command(Strict):
    """A command job; `command(…)` makes one, `load_job` reads one from a file.

    Every attribute may be set until the job is submitted; one that there isn't raises
    UnknownAttribute. Called with inputs, `job(rows=10)`, it gives a copy of itself with these.
    base_path: what relative paths are relative to; None is the working directory at the time of
    submission.
    """

    command: str | None = None
    code: PathLike | None = None
    inputs: Fields[Any] = field(default_factory=Fields)
    outputs: Fields[Any] = field(default_factory=Fields)
    environment: Environment | Mapping[str, Any] | str | None = None
    compute: str | None = None
    display_name: str | None = None
    experiment_name: str | None = None
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    environment_variables: dict[str, str] = field(default_factory=dict)
    additional_includes: list[PathLike] = field(default_factory=list)
    distribution: Mapping[str, Any] | None = None
    limits: LimitsSection = field(default_factory=LimitsSection)
    resources: ResourcesSection = field(default_factory=ResourcesSection)
    queue_settings: QueueSection = field(default_factory=QueueSection)
    retry: RetrySection = field(default_factory=RetrySection)
    checkpoints: bool | None = None
    base_path: Path | None = None
    _more: dict[str, Any] = field(default_factory=dict, repr=False)
    _source: "Source | None" = field(default=None, repr=False)

    def _taken(self, name: str, value: Any) -> Any:
        section = _SECTIONS.get(name)
        if section is None or isinstance(value, section):
            return value
        return section(value or {}) if value is None or isinstance(value, Mapping) else value

    def __call__(self, **inputs: Any) -> "Command":
        """Return a copy with these inputs. Raises InvalidJob for one that the job doesn't have."""
        copy = deepcopy(self)
        for name, value in inputs.items():
            if name not in copy.inputs:
                hint = nearest(name, copy.inputs)
                raise InvalidJob([f"inputs.{name}: the job has no such input; {hint}"])
            copy.inputs[name] = value
        return copy

    def set_limits(self, *, timeout: int | None = None) -> None:
        """timeout: seconds from the start of the command; None for no limit of the job's own."""
        self.limits.pop("timeout", None)
        if timeout is not None:
            self.limits["timeout"] = timeout

    def set_resources(
        self,
        *,
        instance_type: str | None = None,
        instance_count: int | None = None,
        shm_size: str | None = None,
        docker_args: str | None = None,
    ) -> None:
        """Set what is given: the VM's size, the number of nodes, and the container's options."""
        given = {
            "instance_type": instance_type,
            "instance_count": instance_count,
            "shm_size": shm_size,
            "docker_args": docker_args,
        }
        self.resources.update({name: value for name, value in given.items() if value is not None})

    def set_retry(
        self,
        *,
        max_attempts: int | None = None,
        on: list[str] | None = None,
        exit_codes: list[int] | None = None,
        backoff: Mapping[str, Any] | None = None,
    ) -> None:
        """Set what is given. max_attempts: 1 to 10, the first one included; 1 is no retry.

        on: of infrastructure, timeout and script.  exit_codes: of the script.
        backoff: seconds before another attempt, {"initial": 15, "factor": 4, "max": 300}.
        """
        given = {
            "max_attempts": max_attempts,
            "on": on,
            "exit_codes": exit_codes,
            "backoff": None if backoff is None else dict(backoff),
        }
        self.retry.update({name: value for name, value in given.items() if value is not None})

    def to_dict(self) -> dict[str, Any]:
        """Return the job as a job file has it, with what was given and no more."""
        known = [one.name for one in fields(self) if one.name not in _OWN]
        given = {name: plain(getattr(self, name)) for name in known}
        document = {name: value for name, value in given.items() if value not in (None, {}, [])}
        environment = document.get("environment")
        if isinstance(environment, str) and "@" in environment and ":" not in environment:
            document["environment"] = f"azureml:{environment}"  # as Azure ML's SDK takes it
        return {**self._more, **document}

    def validate(self) -> None:
        """Raise InvalidJob when it could not be submitted as it is; asks no server."""
        from retrain.sdk.checking import checked_job

        checked_job(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], base_path: Path | None = None) -> "Command":
        """Return the job that a document of a job file's form describes."""
        known = {one.name for one in fields(cls)} - _OWN
        job = cls(base_path=base_path)
        for name, value in document.items():
            if name not in known or value is None:
                job._more[name] = value
            else:
                setattr(job, name, deepcopy(value))
        for part, kind in (("inputs", Input), ("outputs", Output)):
            items = getattr(job, part)  # which a file may have as anything
            if isinstance(items, Fields):
                items.update({name: given(kind, value) for name, value in items.items()})
        job.environment = given(Environment, job.environment)
        return job


_OWN = {"base_path", "_more", "_source"}


def command(
    *,
    command: str,
    environment: Environment | Mapping[str, Any] | str,
    code: PathLike | None = None,
    inputs: Mapping[str, Input | Scalar | Mapping[str, Any] | None] | None = None,
    outputs: Mapping[str, Output | Mapping[str, Any] | None] | None = None,
    compute: str | None = None,
    display_name: str | None = None,
    experiment_name: str | None = None,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    properties: Mapping[str, str] | None = None,
    environment_variables: Mapping[str, str] | None = None,
    additional_includes: list[PathLike] | None = None,
    timeout: int | None = None,
    instance_count: int | None = None,
    instance_type: str | None = None,
    shm_size: str | None = None,
    docker_args: str | None = None,
    distribution: Mapping[str, Any] | None = None,
    job_tier: str | None = None,
    retry: Mapping[str, Any] | None = None,
    checkpoints: bool | None = None,
    base_path: PathLike | None = None,
) -> Command:
    """Describe a command job; nothing is sent or checked before it is submitted.

    command: run by /bin/sh in a copy of `code`, with `${{inputs.<name>}}` for what it is given.
    environment: an Environment, or the name of one: azureml:name:version, name@label.
    code: a folder or file.  inputs: text, numbers, booleans and Input by name.
    outputs: Output by name; None is a folder.  compute: `local`, azureml:<name>, or None for nodes
    of the job's own.  timeout: seconds.  distribution: as in job files, for example
    {"type": "pytorch", "process_count_per_instance": 2}.  job_tier: `spot` or `standard`.
    retry: as in job files, for example {"max_attempts": 5, "on": ["infrastructure", "timeout"]}.
    checkpoints: whether ./checkpoints is kept while it runs, and there again when it starts anew.
    """
    job = Command(
        command=command,
        environment=environment,
        code=code,
        inputs=Fields(inputs or {}),
        outputs=Fields({name: {} if one is None else one for name, one in (outputs or {}).items()}),
        compute=compute,
        display_name=display_name,
        experiment_name=experiment_name,
        description=description,
        tags=dict(tags or {}),
        properties=dict(properties or {}),
        environment_variables=dict(environment_variables or {}),
        additional_includes=list(additional_includes or []),
        distribution=distribution,
        checkpoints=checkpoints,
        base_path=None if base_path is None else Path(base_path),
    )
    job.set_limits(timeout=timeout)
    job.set_resources(
        instance_type=instance_type,
        instance_count=instance_count,
        shm_size=shm_size,
        docker_args=docker_args,
    )
    if job_tier is not None:
        job.queue_settings["job_tier"] = job_tier
    job.retry.update(retry or {})
    return job
