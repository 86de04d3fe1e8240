"""Which matches strike, in which order rules decide, and that a run can be repeated."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.local.faults import Faults, NameTaken, Plan, Rule, UnknownRule, batch, http, seconds
from retrain.local.faults.dice import throw

TERMS = {
    "always": ({}, [1, 2, 3, 4, 5, 6]),
    "twice": ({"times": 2}, [1, 2]),
    "after three": ({"after": 3}, [4, 5, 6]),
    "every second": ({"every": 2}, [2, 4, 6]),
    "every second after one, once": ({"every": 2, "after": 1, "times": 1}, [3]),
}


@pytest.mark.parametrize(("terms", "struck"), TERMS.values(), ids=TERMS)
def test_how_often(terms: dict[str, int], struck: list[int]) -> None:
    faults = Faults(Plan(0, (batch.Drop.model_validate(terms),)))
    verdicts = [faults.strike("batch", http.RequestFault, operation="x") for _ in range(6)]
    assert [verdict.match for verdict in verdicts if verdict] == struck


PLACES = {
    "anywhere": (batch.BatchWhere(), True),
    "the operation": (batch.BatchWhere(operation="create_job"), True),
    "a pattern, whatever the case": (batch.BatchWhere(job="TRAIN-*"), True),
    "another job": (batch.BatchWhere(job="other-*"), False),
    "a fact that is not there": (batch.BatchWhere(task="*"), False),
    "all must fit": (batch.BatchWhere(operation="create_job", job="other"), False),
}


@pytest.mark.parametrize(("where", "fits"), PLACES.values(), ids=PLACES)
def test_where(where: batch.BatchWhere, fits: bool) -> None:
    faults = Faults(Plan(0, (batch.Drop(where=where),)))
    verdict = faults.strike("batch", http.RequestFault, operation="create_job", job="train-1")
    assert (verdict is not None) == fits
    assert faults.tallies[0].matches == fits


def test_the_first_that_strikes_decides_and_all_count() -> None:
    first, second = batch.Throttle(name="first", every=2), batch.Error(name="second", times=3)
    faults = Faults(Plan(0, (first, second)))
    verdicts = [faults.strike("batch", http.RequestFault) for _ in range(4)]
    assert [verdict.name if verdict else "" for verdict in verdicts] == [
        "second", "first", "second", "first",
    ]  # fmt: skip
    tally = faults.tally("second")
    assert (tally.matches, tally.struck, tally.overruled) == (4, 3, 1)


def test_latencies_add_up() -> None:
    rules = (batch.Latency(seconds=seconds(1)), batch.Latency(seconds=seconds(2, 3)))
    struck = Faults(Plan(0, rules)).strikes("batch", http.Latency)
    waits = [one.draw(one.rule.seconds) for one in struck]
    assert waits[0] == 1
    assert 2 <= waits[1] < 3


def test_a_service_hears_only_of_its_own() -> None:
    faults = Faults(Plan(0, (batch.Drop(),)))
    assert faults.strike("blob", http.RequestFault) is None
    assert faults.tallies[0].matches == 0


def test_rules_come_and_go() -> None:
    faults = Faults()
    assert not faults.armed
    assert faults.add(batch.Drop()) == "batch-drop-1"
    assert faults.add(batch.Drop()) == "batch-drop-2"
    assert faults.armed
    with pytest.raises(NameTaken):
        faults.add(batch.Drop(name="batch-drop-1"))
    faults.strike("batch", http.RequestFault)
    faults.remove("batch-drop-1")
    assert [tally.rule.name for tally in faults.tallies] == ["batch-drop-2"]
    assert faults.tallies[0].matches == 1
    with pytest.raises(UnknownRule):
        faults.remove("batch-drop-1")
    faults.clear()
    assert not faults.armed


def test_what_struck_is_remembered(caplog: pytest.LogCaptureFixture) -> None:
    faults = Faults(Plan(0, (batch.Drop(name="cut"),)), now=lambda: 12.5)
    with caplog.at_level("INFO", "retrain.faults"):
        faults.strike("batch", http.RequestFault, operation="get_job", job="j")
    assert [strike.document() for strike in faults.last] == [
        {"rule": "cut", "match": 1, "at": 12.5, "facts": {"operation": "get_job", "job": "j"}}
    ]
    assert caplog.messages == ["fault cut (batch drop) at match 1: operation=get_job job=j"]


probabilities = st.floats(0.05, 0.95)


@given(st.integers(), st.lists(probabilities, min_size=2, max_size=4), st.data())
def test_a_rules_verdicts_do_not_depend_on_the_others(
    seed: int, chances: Sequence[float], data: st.DataObject
) -> None:
    """Alone, or among others whose matches come in between: the n-th match fares the same."""
    rules = [
        batch.Drop(name=f"r{n}", probability=chance, where=batch.BatchWhere(job=f"j{n}"))
        for n, chance in enumerate(chances)
    ]
    order = data.draw(st.lists(st.integers(0, len(rules) - 1), max_size=60))
    together = Faults(Plan(seed, tuple(rules)))
    mixed = [(n, together.strike("batch", http.RequestFault, job=f"j{n}")) for n in order]
    for number, rule in enumerate(rules):
        alone = Faults(Plan(seed, (rule,)))
        seen = [verdict for n, verdict in mixed if n == number]
        again = [alone.strike("batch", http.RequestFault, job=f"j{number}") for _ in seen]
        assert [bool(verdict) for verdict in seen] == [bool(verdict) for verdict in again]


@given(st.integers(), st.text(max_size=8), st.integers(1, 10**9))
def test_a_throw_is_a_fraction(seed: int, rule: str, number: int) -> None:
    assert 0 <= throw(seed, rule, number) < 1


def test_throws_are_spread_evenly() -> None:
    throws = [throw(1, "r", number) for number in range(10_000)]
    for tenth in range(10):
        share = sum(tenth / 10 <= each < (tenth + 1) / 10 for each in throws)
        assert 900 < share < 1100
    assert throws != [throw(2, "r", number) for number in range(10_000)]
    assert throws != [throw(1, "r", number, "seconds") for number in range(10_000)]


def test_a_rule_without_a_name_gets_one_and_keeps_the_rest() -> None:
    rule: Rule = batch.Preemption(seconds=seconds(5), where=batch.TaskWhere(task="t*"))
    (tally,) = Faults(Plan(0, (rule,))).tallies
    assert tally.rule.model_copy(update={"name": ""}) == rule
