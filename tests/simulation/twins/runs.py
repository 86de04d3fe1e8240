"""Records of runs in memory, as bytes: what doesn't survive the wire doesn't survive here."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from shared import wire
from shared.domain.errors import Conflict, NotFound
from shared.domain.run import Run
from shared.jobs import named_compute
from shared.ports.runs import Stored, Summary


@dataclass
class SimulatedRuns:
    """Runs. `lists` counts the calls that list."""

    records: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    lists: int = 0
    _writes: int = 0

    def create(self, run: Run) -> bool:
        if run.name in self.records:
            return False
        self._write(run)
        return True

    def load(self, name: str) -> Stored:
        if name not in self.records:
            raise NotFound("Run", name, "`retrain job list` shows those there are.")
        etag, body = self.records[name]
        return Stored(wire.decode_run(body), etag)

    def save(self, run: Run, etag: str) -> None:
        if run.name not in self.records or self.records[run.name][0] != etag:
            raise Conflict(run.name)
        self._write(run)

    def list(self, prefix: str = "") -> Iterable[Summary]:
        self.lists += 1
        names = sorted(name for name in self.records if name.startswith(prefix))
        return [_summary(self.load(name).run) for name in names]

    def _write(self, run: Run) -> None:
        self._writes += 1
        self.records[run.name] = (f"0x{self._writes}", wire.encode_run(run))


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
