"""Experiments: the names that runs are grouped by, which MLflow calls by numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shared.app.tracking_tokens import Bearer
from shared.domain.errors import Invalid, NotFound
from shared.domain.keys import digest
from shared.domain.tracking_limits import NAME, wrong
from shared.ports.registry import Registry
from shared.ports.runs import Runs

_KIND: Final = "experiments"
#: MLflow's client takes it for granted that this one is there.
DEFAULT: Final = "Default"
_DEFAULT_ID: Final = "0"


class ExperimentExists(Invalid):
    def __init__(self, name: str) -> None:
        super().__init__(f"Experiment '{name}' already exists.", code="RESOURCE_ALREADY_EXISTS")


@dataclass(frozen=True, slots=True)
class Experiment:
    """created, changed: None of one that is only known from its runs' names, if it has any."""

    name: str
    created: datetime | None = None
    changed: datetime | None = None

    @property
    def id(self) -> str:
        return experiment_id(self.name)


def experiment_id(name: str) -> str:
    """18 digits, as MLflow's own; derived, so that nobody has to keep them."""
    if name == DEFAULT:
        return _DEFAULT_ID
    return f"{10**17 + int(digest('experiment', name), 16) % (9 * 10**17)}"


@dataclass(frozen=True, slots=True)
class Experiments:
    runs: Runs
    registry: Registry
    now: Callable[[], datetime]

    def by_id(self, bearer: Bearer, identity: str) -> Experiment:
        """A run's own is known from its record alone. Raises NotFound."""
        if bearer.tracked is not None:
            run = self.runs.load(bearer.tracked.run).run
            if experiment_id(run.job.experiment_name) == identity:
                return Experiment(run.job.experiment_name, run.created_at, run.created_at)
        found = self._all().get(identity)
        if found is None:
            raise NotFound("experiment", identity, "`mlflow.search_experiments()` lists them.")
        return found

    def by_name(self, bearer: Bearer, name: str) -> Experiment:
        """Raises NotFound."""
        return self.by_id(bearer, experiment_id(name))

    def create(self, name: str) -> Experiment:
        """Raises Invalid."""
        if not name or len(name) > NAME:
            raise wrong(f"Invalid experiment name: '{name[:100]}'; it has 1 to {NAME} characters.")
        identity = experiment_id(name)
        if identity in self._all():
            raise ExperimentExists(name)
        kept = {"name": name, "created_at": self.now().isoformat()}
        first = self.registry.once(_KIND, identity, kept)
        return _kept(first)

    def every(self) -> list[Experiment]:
        """By name."""
        return sorted(self._all().values(), key=lambda one: one.name)

    def _all(self) -> dict[str, Experiment]:
        found = {_DEFAULT_ID: Experiment(DEFAULT)}
        for document in self.registry.list(_KIND):
            one = _kept(document)
            found[one.id] = one
        for run in self.runs.list():
            seen = found.get(experiment_id(run.experiment_name))
            created = seen.created if seen and seen.created else run.created_at
            one = Experiment(run.experiment_name, created, run.created_at)
            found[one.id] = one
        return found


def _kept(document: Mapping[str, Any]) -> Experiment:
    at = datetime.fromisoformat(document["created_at"])
    return Experiment(document["name"], at, at)
