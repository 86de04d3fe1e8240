"""Dependencies count as a plain reading of the rule does, whatever comes in whatever order."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from retrain.local.batch.dependencies import Dependencies
from retrain.local.batch.job import Job
from retrain.local.batch.task import Task

IDS = [str(number) for number in range(6)] + ["a", "B", "07"]

JOB = Job(id="j", number=1, spec={}, endpoint="http://x")


def a_task(name: str, depends_on: dict[str, Any]) -> Task:
    return Task(id=name, number=2, spec={"id": name, "dependsOn": depends_on}, job=JOB)


ranges = st.tuples(st.integers(0, 5), st.integers(0, 3)).map(
    lambda pair: {"start": pair[0], "end": sum(pair)}
)
wishes = st.fixed_dictionaries(
    {"taskIds": st.lists(st.sampled_from(IDS), max_size=3)},
    optional={"taskIdRanges": st.lists(ranges, max_size=2)},
)
steps = st.one_of(
    st.tuples(st.just("add"), wishes),
    st.tuples(st.just("satisfy"), st.sampled_from(IDS)),
    st.tuples(st.just("forget"), st.sampled_from(IDS)),
)


def met(task: Task, satisfied: set[str]) -> bool:
    """The rule, as the documentation has it."""
    wish = task.spec["dependsOn"]
    ids = {each.lower() for each in wish["taskIds"]}
    for each in wish.get("taskIdRanges", ()):
        ids |= {str(number) for number in range(each["start"], each["end"] + 1)}
    return ids <= satisfied


@given(st.lists(steps, max_size=30))
def test_a_task_waits_until_all_it_depends_on_is_satisfied(history: list[tuple[str, Any]]) -> None:
    dependencies = Dependencies()
    satisfied: set[str] = set()
    parents = {name: a_task(name, {}) for name in IDS}
    waiting: list[Task] = []
    for step, value in history:
        released: list[Task] = []
        if step == "add":
            task = a_task("child", value)
            assert dependencies.holds(task) is not met(task, satisfied)
            waiting += [] if met(task, satisfied) else [task]
        elif step == "satisfy":
            satisfied.add(value.lower())
            released = dependencies.satisfy(parents[value])
        else:
            satisfied.discard(value.lower())
            dependencies.forget(parents[value])
        assert [task for task in waiting if met(task, satisfied)] == sorted(
            released, key=waiting.index
        )
        waiting = [task for task in waiting if task not in released]


def test_a_range_of_a_billion_is_not_spelled_out() -> None:
    dependencies = Dependencies()
    child = a_task("child", {"taskIdRanges": [{"start": 0, "end": 2**31 - 1}]})
    assert dependencies.holds(child)
    assert dependencies.satisfy(a_task("7", {})) == []
