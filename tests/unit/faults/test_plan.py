"""A plan from a mapping or a file: what is wrong is said by field, with its line."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.jobfile.errors import JobFileError
from retrain.local.faults import Plan, batch, parse_plan, parse_rule, read_plan, seconds, servicebus
from retrain.local.faults.kinds import KINDS
from retrain.local.faults.rule import Rule
from shared.jobs import InvalidDocument

THROTTLE = {"service": "batch", "kind": "throttle"}


def test_a_plan_is_read_with_its_defaults() -> None:
    plan = parse_plan({"seed": 7, "rules": [{**THROTTLE, "where": {"operation": "create_*"}}]})
    rule = batch.Throttle(
        name="batch-throttle-1", where=batch.BatchWhere(operation="create_*"), retry_after=1
    )
    assert plan == Plan(7, (rule,))
    assert parse_plan({}) == Plan()


def test_every_kind_reads_what_it_writes() -> None:
    needed: dict[str, Any] = {"seconds": [0.5, 2]}
    rules: list[Rule] = []
    for service, kinds in KINDS.items():
        for name, kind in kinds.items():
            fields = needed if "seconds" in kind.model_fields else {}
            rule = parse_rule({"service": service, "kind": name, "name": "x", **fields})
            assert parse_rule(rule.document()) == rule
            rules.append(rule)
    assert len(rules) == len({type(rule) for rule in rules}) > 20


WRONG: dict[str, tuple[Any, list[str]]] = {
    "a list": ([], ["must be a mapping; write `rules:` and a list"]),
    "an unknown field": ({"rule": []}, ["rule: unknown field; did you mean 'rules'?"]),
    "a seed in words": ({"seed": "x"}, ["seed: must be a whole number; write digits"]),
    "rules as a mapping": (
        {"rules": {}},
        ["rules: must be a list; write one `- service: …` a rule"],
    ),
    "a rule that is a word": (
        {"rules": ["throttle"]},
        ["rules[0]: must be a mapping; write `service:` and `kind:`"],
    ),
    "no service": (
        {"rules": [{"kind": "drop"}]},
        ["rules[0]: service is required; one of batch, blob, servicebus"],
    ),
    "no such service": (
        {"rules": [{"service": "btch", "kind": "drop"}]},
        ["rules[0].service: there is no service 'btch'; did you mean 'batch'?"],
    ),
    "no such kind": (
        {"rules": [{"service": "blob", "kind": "droop"}]},
        ["rules[0].kind: there is no kind 'droop'; did you mean 'drop'?"],
    ),
    "a kind of another service": (
        {"rules": [{"service": "blob", "kind": "preemption"}]},
        ["rules[0].kind: there is no kind 'preemption'; known are throttle, error, drop, stall, "
         "latency"],
    ),
    "an unknown field of a rule": (
        {"rules": [{**THROTTLE, "time": 3}]},
        ["rules[0].time: unknown field here; did you mean 'times'?"],
    ),
    "a place that the kind has not": (
        {"rules": [{"service": "batch", "kind": "slow_allocation", "seconds": 1,
                    "where": {"job": "x"}}]},
        ["rules[0].where.job: unknown field here; known are pool"],
    ),
    "an operation that is not there": (
        {"rules": [{**THROTTLE, "where": {"operation": "create_jbo"}}]},
        ["rules[0].where.operation: there is no operation 'create_jbo'; did you mean "
         "'create_job'?"],
    ),
    "a pattern that fits no operation": (
        {"rules": [{"service": "servicebus", "kind": "drop", "where": {"operation": "snd*"}}]},
        ["rules[0].where.operation: there is no operation 'snd*'; did you mean 'send'?"],
    ),
    "a field that is missing": (
        {"rules": [{"service": "batch", "kind": "latency"}]},
        ["rules[0].seconds: is required; add it"],
    ),
    "times that run backwards": (
        {"rules": [{"service": "batch", "kind": "latency", "seconds": [2, 1]}]},
        ["rules[0].seconds: must be from 0 to a week, the smaller end first; write [0.1, 0.5]"],
    ),
    "no number of seconds": (
        {"rules": [{"service": "batch", "kind": "latency", "seconds": True}]},
        ["rules[0].seconds: must be seconds; write a number, or two: [0.1, 0.5]"],
    ),
    "numbers out of range": (
        {"rules": [{**THROTTLE, "times": 0, "probability": 1.5, "status": 200}]},
        ["rules[0].times: must be at least 1; use a larger number",
         "rules[0].probability: must be at most 1.0; use a smaller number",
         "rules[0].status: must be at least 400; use a larger number"],
    ),
    "one name for two": (
        {"rules": [{**THROTTLE, "name": "x"}, {**THROTTLE, "name": "x"}]},
        ["rules[1].name: 'x' is taken; give each rule a name of its own, or none"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("document", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_by_field(document: Any, said: list[str]) -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse_plan(document)
    assert sorted(map(str, caught.value.problems)) == sorted(said)


def test_a_files_problems_have_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "faults.yml"
    file.write_text(
        "seed: 1\n"
        "rules:\n"
        "  - service: batch\n"
        "    kind: throttle\n"
        "    times: 0\n"
        "  - {service: servicebus, kind: lost_lok}\n",
        "utf-8",
    )
    with pytest.raises(JobFileError) as caught:
        read_plan(file)
    assert str(caught.value).splitlines() == [
        f"{file}:5:5: rules[0].times: must be at least 1; use a larger number",
        f"{file}:6:27: rules[1].kind: there is no kind 'lost_lok'; did you mean 'lost_lock'?",
    ]
    assert caught.value.exit_code == 2


def test_a_file_is_read_as_its_mapping(tmp_path: Path) -> None:
    file = tmp_path / "faults.yml"
    file.write_text(
        "rules:\n- {service: servicebus, kind: late, where: {entity: orders}, seconds: [1, 2]}\n",
        "utf-8",
    )
    (rule,) = read_plan(file).rules
    assert rule == servicebus.Late(
        name="servicebus-late-1",
        where=servicebus.EntityWhere(entity="orders"),
        seconds=seconds(1, 2),
    )


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
words = st.sampled_from(sorted({kind for kinds in KINDS.values() for kind in kinds}))
fields = st.sampled_from(
    ["name", "where", "probability", "times", "after", "every", "seconds", "status", "effect"]
)


@given(
    st.sampled_from(sorted(KINDS)),
    words,
    st.dictionaries(fields, anything, max_size=4),
)
def test_whatever_is_written_is_a_plan_or_a_list_of_problems(
    service: str, kind: str, rest: dict[str, Any]
) -> None:
    document = {"rules": [{**rest, "service": service, "kind": kind}]}
    try:
        plan = parse_plan(document)
    except InvalidDocument:
        return
    assert parse_plan({"rules": [rule.document() for rule in plan.rules]}) == plan
