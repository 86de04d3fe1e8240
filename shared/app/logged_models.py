"""Models as MLflow 3 logs them: an entry of the run's attempt, and files among its artifacts."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from shared.app.experiments import experiment_id
from shared.app.tracked_artifacts import root
from shared.app.tracking import Tracking
from shared.app.tracking_lines import fact_line, fact_lines, read_facts
from shared.app.tracking_tokens import Bearer
from shared.domain.errors import NotFound
from shared.domain.keys import attempt_key, digest, split_attempt_key
from shared.domain.tracked import Tracked
from shared.domain.tracking_limits import check_params, check_tags, wrong
from shared.ports.ledger import START, Ledger
from shared.ports.runs import Runs

_ID = re.compile(r"m-(.+)-([0-9a-f]{16})")
_FOLDER: Final = "models"
PENDING: Final = "LOGGED_MODEL_PENDING"
STATUSES: Final = (PENDING, "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED")
#: Runs that one search looks at, the newest.
LOOKED_AT: Final = 1_000


@dataclass(frozen=True, slots=True)
class ModelKey:
    """Which model of which attempt; `hex` is derived."""

    own: Tracked
    hex: str

    @property
    def id(self) -> str:
        return f"m-{attempt_key(self.own.run, self.own.attempt)}-{self.hex}"

    @property
    def ledger(self) -> str:
        return f"{self.own.folder}/{_FOLDER}/{self.hex}"

    @property
    def artifact_uri(self) -> str:
        return f"mlflow-artifacts:/{root(self.own)}/{_FOLDER}/{self.id}"


@dataclass(slots=True)
class Model:
    """begun, changed: milliseconds since 1970.  source: the id of the run that made it."""

    key: ModelKey
    experiment: str = ""
    name: str = ""
    type: str = ""
    source: str = ""
    status: str = PENDING
    begun: int = 0
    changed: int = 0
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def take(self, line: Mapping[str, Any]) -> None:
        self.params = {**line.get("params", {}), **self.params}
        self.tags.update(line.get("tags", {}))
        for key in line.get("untagged", ()):
            self.tags.pop(key, None)
        for name in ("experiment", "name", "type", "source", "status", "begun", "changed"):
            if name in line:
                setattr(self, name, line[name])


@dataclass(frozen=True, slots=True)
class LoggedModels:
    """All methods raise NotFound, Forbidden, and Invalid for what passes MLflow's limits."""

    runs: Runs
    ledger: Ledger
    tracking: Tracking
    now: Callable[[], datetime]

    def create(
        self,
        bearer: Bearer,
        *,
        source: str,
        name: str,
        kind: str,
        params: Sequence[tuple[str, str]],
        tags: Sequence[tuple[str, str]],
    ) -> Model:
        """A model of the run that says it made it, else of the one whose script asks."""
        source = source or (bearer.tracked.run if bearer.tracked else "")
        if not source:
            raise wrong("A model needs a source_run_id: it is kept with the run that made it.")
        own = self.tracking.resolve(bearer, source).own
        run = self.runs.load(own.run).run
        at = self._millis()
        described = {
            "experiment": experiment_id(run.job.experiment_name),
            "name": name or "model",
            "type": kind,
            "source": source,
            "status": PENDING,
            "begun": at,
            "changed": at,
        }
        number, line = 0, fact_line(described)
        key = _key(own, name, at, number)
        while not self.ledger.append_at(key.ledger, line, START):
            number += 1
            key = _key(own, name, at, number)
        self._say_pairs(key, params, tags)
        return self._read(key)

    def get(self, bearer: Bearer, identity: str) -> Model:
        return self._read(self._key_of(bearer, identity))

    def finalize(self, bearer: Bearer, identity: str, status: str) -> Model:
        if status not in STATUSES:
            raise wrong(f"Invalid status: '{status[:80]}'; there are {', '.join(STATUSES)}.")
        key = self.get(bearer, identity).key
        self.ledger.append(key.ledger, fact_line({"status": status, "changed": self._millis()}))
        return self._read(key)

    def add(
        self,
        bearer: Bearer,
        identity: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        tags: Sequence[tuple[str, str]] = (),
    ) -> Model:
        key = self.get(bearer, identity).key
        self._say_pairs(key, params, tags)
        return self._read(key)

    def untag(self, bearer: Bearer, identity: str, tag: str) -> None:
        key = self.get(bearer, identity).key
        self.ledger.append(key.ledger, fact_line({"untagged": [tag]}))

    def of(self, bearer: Bearer, experiments: set[str]) -> Iterator[Model]:
        """The models of these experiments' runs, newest runs first; a script sees its own."""
        for own in self._owners(bearer, experiments):
            prefix = f"{own.folder}/{_FOLDER}/"
            for path in self.ledger.list(prefix):
                yield self._read(ModelKey(own, path.removeprefix(prefix)))

    def _owners(self, bearer: Bearer, experiments: set[str]) -> Iterator[Tracked]:
        if bearer.tracked is not None:
            yield bearer.tracked
            return
        newest = sorted(self.runs.list(), key=lambda run: run.name, reverse=True)
        chosen = [run for run in newest if experiment_id(run.experiment_name) in experiments]
        for run in chosen[:LOOKED_AT]:
            yield Tracked(run.name, max(run.attempt, 1))

    def _key_of(self, bearer: Bearer, identity: str) -> ModelKey:
        match = _ID.fullmatch(identity)
        parts = split_attempt_key(match[1]) if match else None
        if match is None or parts is None:
            raise _no_model(identity)
        own = Tracked(*parts)
        bearer.check(own)
        return ModelKey(own, match[2])

    def _read(self, key: ModelKey) -> Model:
        text, end = self.ledger.read(key.ledger)
        if end == START:
            raise _no_model(key.id)
        model = Model(key)
        for line in read_facts(text):
            model.take(line)
        return model

    def _say_pairs(
        self, key: ModelKey, params: Sequence[tuple[str, str]], tags: Sequence[tuple[str, str]]
    ) -> None:
        said = {"params": check_params(params), "tags": check_tags(tags)}
        for kind, pairs in said.items():
            for line in fact_lines(kind, pairs):
                self.ledger.append(key.ledger, line)

    def _millis(self) -> int:
        return int(self.now().timestamp() * 1000)


def _key(own: Tracked, name: str, at: int, number: int) -> ModelKey:
    return ModelKey(own, digest(own.folder, name, str(at), str(number))[:16])


def _no_model(identity: str) -> NotFound:
    return NotFound("logged model", identity[:200], "`mlflow.search_logged_models()` lists them.")
