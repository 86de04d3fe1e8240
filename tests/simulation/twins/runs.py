"""Records of runs in memory, as bytes: what doesn't survive the wire doesn't survive here.

A record is read once for each time that it is written, however often it is loaded; nothing in a run
can be changed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from shared import wire
from shared.domain.errors import Conflict, NotFound
from shared.domain.run import Run
from shared.jobs import named_compute
from shared.ports.runs import Stored, Summary


@dataclass
class SimulatedRuns:
    """Runs. `lists` counts the calls that list; `written` is told of each record, as it is read."""

    records: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    lists: int = 0
    written: Callable[[Run], None] = lambda run: None
    _writes: int = 0
    _read: dict[str, Stored] = field(default_factory=dict)
    _summaries: dict[str, Summary] = field(default_factory=dict)

    def create(self, run: Run) -> bool:
        if run.name in self.records:
            return False
        self._write(run)
        return True

    def load(self, name: str) -> Stored:
        if name not in self.records:
            raise NotFound("Run", name, "`retrain job list` shows those there are.")
        return self._as_read(name)

    def _as_read(self, name: str) -> Stored:
        etag, body = self.records[name]
        read = self._read.get(name)
        if read is None or read.etag != etag:
            read = self._read[name] = Stored(wire.decode_run(body), etag)
        return read

    def save(self, run: Run, etag: str) -> None:
        if run.name not in self.records or self.records[run.name][0] != etag:
            raise Conflict(run.name)
        self._write(run)

    def list(self, prefix: str = "") -> Iterable[Summary]:
        self.lists += 1
        names = sorted(name for name in self.records if name.startswith(prefix))
        return [self._summary(name) for name in names]

    def _summary(self, name: str) -> Summary:
        if name not in self._summaries:
            self._summaries[name] = _summary(self._as_read(name).run)
        return self._summaries[name]

    def _write(self, run: Run) -> None:
        self._writes += 1
        self.records[run.name] = (f"0x{self._writes}", wire.encode_run(run))
        self._summaries.pop(run.name, None)
        self.written(self._as_read(run.name).run)


def _summary(run: Run) -> Summary:
    return Summary(
        name=run.name,
        status=run.status,
        attempt=run.attempt,
        display_name=run.job.display_name or "",
        experiment_name=run.job.experiment_name,
        kind=run.source.kind,
        schedule=run.source.schedule,
        created_at=run.created_at,
        heard_at=run.heard_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        cancel_asked_at=run.cancel_asked_at,
        compute=named_compute(run.job.compute),
        nodes=run.job.resources.instance_count,
        timeout=run.job.limits.timeout,
    )
