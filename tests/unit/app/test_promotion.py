"""The label `champion`: who gets it, when asked twice, and when two ask at once."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from shared.app.promotion import CHAMPION, Promoter
from shared.domain.errors import Conflict, NotFound
from shared.domain.lineage import Registered
from shared.domain.run import Run
from shared.jobs.outputs import PromoteIf
from tests.factories import a_run
from tests.simulation.twins.world import Twins

TERMS = PromoteIf(metric="auc", goal="maximize", min_gain=0.1)


class Stage:
    """A registry of models, and what the runs that made them have logged."""

    def __init__(self, scores: Mapping[str, float]) -> None:
        self.assets = Twins().product().assets
        self.scores = dict(scores)
        self.promoter = Promoter(self.assets, self.measured)

    def measured(self, run: str, metric: str) -> float | None:
        assert metric == "auc"
        if run not in self.scores:
            raise NotFound("Run", run, "")
        return self.scores[run]

    def model(self, run: str | None) -> Registered:
        made_by = {"run": run, "output": "model"} if run else None
        document = {"type": "custom_model", "made_by": made_by, "content": run}
        asset, _ = self.assets.register("models", "wine", document)
        return Registered(kind="models", name="wine", version=asset.version)

    def ends(self, run: str) -> bool:
        """A run that registers a model: is it promoted?"""
        return self.promoter.judge(named(run), TERMS, self.model(run)).promoted

    @property
    def champion(self) -> str | None:
        return self.assets.labels("models", "wine").labels.get(CHAMPION)


def named(name: str) -> Run:
    return replace(a_run(), name=name)


def test_one_champion_after_another() -> None:
    stage = Stage({"a": 0.5, "b": 0.55, "c": 0.75, "d": 0.7})
    assert [stage.ends(run) for run in "abcd"] == [True, False, True, False]
    assert stage.champion == "3"


def test_asked_twice_it_is_the_same_answer() -> None:
    stage = Stage({"a": 0.5, "b": 0.7})
    assert stage.ends("a")
    made = stage.model("b")
    for _ in range(2):  # the process died before anybody heard of the first answer
        assert stage.promoter.judge(named("b"), TERMS, made).promoted
    assert stage.champion == "2"


def test_two_at_once_are_compared_with_each_other() -> None:
    stage = Stage({"a": 0.5, "b": 0.9, "c": 0.7})
    assert stage.ends("a")
    slow = stage.model("c")

    def measured(run: str, metric: str) -> float | None:
        if run == "c" and stage.champion == "1":
            assert stage.ends("b")  # while c's instance is between its two looks
        return stage.measured(run, metric)

    promoter = Promoter(stage.assets, measured)
    with pytest.raises(Conflict):
        promoter.judge(named("c"), TERMS, slow)
    judgement = promoter.judge(named("c"), TERMS, slow)  # the message comes again
    assert not judgement.promoted
    assert judgement.reason.startswith("auc is 0.7, version 3, the champion, has 0.9")


def test_a_champion_by_hand_has_nothing_to_compare_with() -> None:
    stage = Stage({"b": 0.9})
    stage.assets.set_label("models", "wine", CHAMPION, stage.model(None).version)
    judgement = stage.promoter.judge(named("b"), TERMS, stage.model("b"))
    assert judgement.reason == "version 1, the champion, has no auc to compare with"
    assert stage.champion == "1"


def test_a_champion_whose_run_is_gone() -> None:
    stage = Stage({"b": 0.9})
    stage.assets.set_label("models", "wine", CHAMPION, stage.model("deleted").version)
    assert not stage.promoter.judge(named("b"), TERMS, stage.model("b")).promoted
