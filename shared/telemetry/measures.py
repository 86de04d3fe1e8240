"""What is counted of runs. docs/telemetry.md lists it; a test compares."""

from collections.abc import Iterable, Mapping
from typing import Final

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from shared.domain.run import Run
from shared.domain.status import Status

_LIVE: Final = tuple(str(status) for status in Status if not status.final)


class Measures:
    """Counted when a run ends, by the instance that wrote its end on the record."""

    def __init__(self, meter: Meter) -> None:
        self._duration = meter.create_histogram(
            "retrain.run.duration", "s", "From its request to its end."
        )
        self._queued = meter.create_histogram(
            "retrain.run.queue_time", "s", "Until its script first ran."
        )
        self._billed = meter.create_counter(
            "retrain.compute.billed", "s", "Seconds of nodes that were taken."
        )
        self._used = meter.create_counter(
            "retrain.compute.used", "s", "Seconds of nodes in which a script ran."
        )
        self._failures = meter.create_counter("retrain.run.failures", "{run}", "Failed runs.")
        self._attempts = meter.create_counter("retrain.run.attempts", "{attempt}", "By their end.")
        self._dead_letters = meter.create_gauge(
            "retrain.dead_letters", "{message}", "Messages that can't be processed."
        )
        self._active: Mapping[str, int] = {}
        meter.create_observable_gauge(
            "retrain.run.active", [self._now], "{run}", "As the watch last saw them."
        )

    def ended(self, run: Run) -> None:
        labels = {"retrain.status": str(run.status), "retrain.source": run.source.kind}
        ended = run.ended_at or run.heard_at
        self._duration.record((ended - run.created_at).total_seconds(), labels)
        began = next((m.at for m in run.timeline if m.status is Status.RUNNING), None)
        if began is not None:
            self._queued.record((began - run.created_at).total_seconds(), labels)
        for usage in run.usages:
            nodes = usage.nodes
            kind = {"retrain.vm_size": nodes.vm_size or "unknown", "retrain.tier": nodes.tier}
            if nodes.local:
                kind["retrain.vm_size"] = "local"
            self._billed.add(usage.billed_node_seconds, kind)
            self._used.add(usage.used_node_seconds, kind)
        for attempt in run.attempts:
            self._attempts.add(1, {"retrain.cause": attempt.cause})
        if run.status is Status.FAILED:
            code = run.problem.code if run.problem else "unknown"
            self._failures.add(1, {"error.type": code})

    def seen(self, active: Mapping[str, int]) -> None:
        # A status that nobody has is told as 0: no number at all would look like nobody watching.
        self._active = {**dict.fromkeys(_LIVE, 0), **active}

    def counted(self, dead_letters: int) -> None:
        self._dead_letters.set(dead_letters)

    def _now(self, options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(n, {"retrain.status": name}) for name, n in self._active.items()]
