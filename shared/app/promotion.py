"""The label `champion`: which version of a model is the one to use."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shared.app.assets import Assets
from shared.domain.errors import NotFound
from shared.domain.lineage import Registered
from shared.domain.promotion import Champion, Judgement, Rule, judge
from shared.domain.run import Run
from shared.jobs.outputs import PromoteIf

log = logging.getLogger("retrain.promotion")

CHAMPION: Final = "champion"


@dataclass(frozen=True, slots=True)
class Promoter:
    """measured: the last value of a run's metric by (run, metric), None when it has none.

    It raises NotFound when there is no such run.
    """

    assets: Assets
    measured: Callable[[str, str], float | None]

    def judge(self, run: Run, terms: PromoteIf, made: Registered) -> Judgement:
        """Give the version the label if it beats the one that has it; again is as good as once.

        Raises Conflict when somebody else moved the label meanwhile: the message comes again, and
        the comparison is made with the new champion.
        """
        rule = Rule(metric=terms.metric, goal=terms.goal, min_gain=terms.min_gain)
        labels = self.assets.labels(made.kind, made.name)
        present = labels.labels.get(CHAMPION)
        champion = None
        if present is not None:
            champion = Champion(version=present, value=self._value(made, present, rule.metric))
        value = self.measured(run.name, rule.metric)
        judgement = judge(rule, made.version, value, champion)
        if judgement.promoted and present != made.version:
            self.assets.set_label(made.kind, made.name, CHAMPION, made.version, seen=labels)
        log.info(
            "run %s: %s is %schampion: %s",
            run.name, made, "" if judgement.promoted else "not ", judgement.reason,
            extra={"run": run.name, "asset": str(made)},
        )  # fmt: skip
        return judgement

    def _value(self, made: Registered, version: str, metric: str) -> float | None:
        """The champion's, from the run that made it; None when it was registered by hand."""
        try:
            document = self.assets.get(made.kind, made.name, version).document
            maker = document.get("made_by")
            return self.measured(maker["run"], metric) if maker else None
        except NotFound:
            return None
