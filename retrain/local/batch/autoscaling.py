"""Pools that scale themselves: sampled every 30 seconds, their formula evaluated at its interval.

Only pools with automatic scaling cost anything, two timers each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from retrain.local.batch import durations
from retrain.local.batch.account import Account
from retrain.local.batch.autoscale import Formula, Result, Setting, evaluate, parse
from retrain.local.batch.clock import Clock
from retrain.local.batch.entity import moment_of, stamp
from retrain.local.batch.pool import Pool
from retrain.local.batch.pool_samples import SAMPLE_SECONDS, PoolSamples

INTERVAL: Final = "PT15M"


@dataclass(slots=True)
class _Scaled:
    """A pool that scales itself, and its timers."""

    samples: PoolSamples
    enabled: datetime
    due: float  # the loop's time of the next sample
    sampling: asyncio.TimerHandle | None = None
    evaluating: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        for timer in (self.sampling, self.evaluating):
            if timer is not None:
                timer.cancel()


class Autoscaling:
    """`resize` takes a pool whose targets changed, and what becomes of tasks on surplus nodes."""

    def __init__(self, account: Account, resize: Callable[[Pool, str], None], clock: Clock) -> None:
        self._account = account
        self._resize = resize
        self._clock = clock
        self._scaled: dict[Pool, _Scaled] = {}

    def begin(self, pool: Pool) -> None:
        """Evaluate the pool's formula now, and from now on at its interval."""
        self._watch(pool)
        self._run(pool)

    def resume(self, pool: Pool) -> None:
        """After a restart: the next evaluation comes when it would have come."""
        self._watch(pool)
        seconds = _interval(pool)
        if pool.scaled is not None:
            passed = (self._clock.now() - moment_of(pool.scaled["timestamp"])).total_seconds()
            seconds = min(max(0.0, seconds - passed), seconds)
        self._evaluate_in(pool, seconds)

    def end(self, pool: Pool) -> None:
        """Its size is set by hand from now on."""
        scaled = self._scaled.pop(pool, None)
        if scaled is not None:
            scaled.cancel()

    def stop(self) -> None:
        """No more evaluations."""
        for pool in list(self._scaled):
            self.end(pool)

    def since_enabled(self, pool: Pool) -> timedelta | None:
        """How long ago the pool's formula was given; None when it has none."""
        scaled = self._scaled.get(pool)
        return None if scaled is None else self._clock.now() - scaled.enabled

    def try_out(self, pool: Pool, formula: Formula) -> dict[str, Any]:
        """What the formula would come to; the pool stays as it is."""
        now = self._clock.now()
        return _document(self._evaluate(pool, formula, now), now)

    def _watch(self, pool: Pool) -> None:
        """Sample it from now on; what was sampled before stays."""
        known = self._scaled.get(pool)
        samples = known.samples if known else PoolSamples(self._account, pool)
        self.end(pool)
        self._scaled[pool] = _Scaled(samples, self._clock.now(), asyncio.get_running_loop().time())
        self._sample(pool)

    def _sample(self, pool: Pool) -> None:
        scaled = self._scaled[pool]
        if pool.state == "deleting":
            self.end(pool)
            return
        scaled.samples.take(self._clock.now())
        loop, period = asyncio.get_running_loop(), self._clock.real(SAMPLE_SECONDS)
        scaled.due = max(scaled.due + period, loop.time())  # late ones don't make all others late
        scaled.sampling = loop.call_at(scaled.due, self._sample, pool)

    def _evaluate_in(self, pool: Pool, seconds: float) -> None:
        self._scaled[pool].evaluating = self._later(seconds, self._run, pool)

    def _later(
        self, seconds: float, work: Callable[[Pool], None], pool: Pool
    ) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(self._clock.real(seconds), work, pool)

    def _run(self, pool: Pool) -> None:
        if pool.state == "deleting":
            self.end(pool)
            return
        now = self._clock.now()
        result = self._evaluate(pool, parse(pool.spec["autoScaleFormula"]), now)
        pool.scaled = _document(result, now)
        self._account.save(pool)
        if result.error is None:
            self._apply(pool, result.setting)
        self._evaluate_in(pool, _interval(pool))

    def _evaluate(self, pool: Pool, formula: Formula, now: datetime) -> Result:
        before = Setting(pool.target(dedicated=True), pool.target(dedicated=False))
        return evaluate(formula, self._scaled[pool].samples, now, before)

    def _apply(self, pool: Pool, setting: Setting) -> None:
        """Resize unless it is on the way there, or there: an old resize error stays to be seen."""
        wanted = {True: setting.dedicated, False: setting.low_priority}
        kinds = wanted.items()
        aimed = all(pool.target(dedicated=kind) == count for kind, count in kinds)
        there = all(pool.current(dedicated=kind) == count for kind, count in kinds)
        if aimed and (there or pool.allocation != "steady"):
            return
        for kind, count in kinds:
            pool.aim(count, dedicated=kind)
        self._resize(pool, setting.option)


def _interval(pool: Pool) -> float:
    return durations.seconds(pool.spec.get("autoScaleEvaluationInterval") or INTERVAL) or 0.0


def _document(result: Result, at: datetime) -> dict[str, Any]:
    """The property autoScaleRun."""
    document: dict[str, Any] = {"timestamp": stamp(at), "results": result.text}
    return document | ({"error": result.error.document()} if result.error else {})
