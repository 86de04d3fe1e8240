"""Whom a task displaces: no more than it must, the least important first, the youngest of those."""

import pytest

from retrain.local.batch.compute_node import ComputeNode
from retrain.local.batch.job import Job
from retrain.local.batch.placement import place, victims
from retrain.local.batch.pool import Pool
from retrain.local.batch.task import Task

URL = "http://x"


def a_pool(*loads: str, slots: int = 2) -> tuple[Pool, dict[str, Task]]:
    """A node for each load: a word like `-1y` is a task of that priority that gives way (y, n)."""
    pool = Pool(id="p", number=1, spec={"taskSlotsPerNode": slots, "vmSize": "s"}, endpoint=URL)
    running: dict[str, Task] = {}
    for ordinal, load in enumerate(loads):
        node = ComputeNode(pool=pool, ordinal=ordinal, dedicated=True, state="idle")
        pool.nodes[node.id] = node
        for word in load.split():
            task = a_task(int(word[:-1]), gives_way=word.endswith("y"))
            task.turn = len(running)
            node.take(task)
            running[f"{ordinal}:{word}:{task.turn}"] = task
    return pool, running


def a_task(priority: int, *, gives_way: bool = False, slots: int = 1) -> Task:
    spec = {"priority": priority, "allowTaskPreemption": gives_way}
    job = Job(id="j", number=1, spec=spec, endpoint=URL)
    return Task(id="t", number=2, spec={"requiredSlots": slots}, job=job)


#: the nodes' loads, the newcomer's priority and slots, and whom it displaces
CASES: dict[str, tuple[tuple[str, ...], int, int, list[str]]] = {
    "the youngest": (("1y 1y",), 2, 1, ["0:1y:1"]),
    "the least important": (("3y 1y", "2y 2y"), 5, 1, ["0:1y:1"]),
    "as many as it needs": (("1y 1y",), 2, 2, ["0:1y:0", "0:1y:1"]),
    "nobody who does not give way": (("1n 1n",), 2, 1, []),
    "nobody as important": (("2y 2y",), 2, 1, []),
    "nobody when that is not enough": (("1y 3n",), 2, 2, []),
    "where one is enough": (("1y 1y", "1y"), 2, 2, ["1:1y:2"]),
}


@pytest.mark.parametrize(("loads", "priority", "slots", "names"), CASES.values(), ids=CASES)
def test_victims(loads: tuple[str, ...], priority: int, slots: int, names: list[str]) -> None:
    pool, running = a_pool(*loads)
    found = victims(a_task(priority, slots=slots), pool, lambda node: False)
    assert sorted(name for name, task in running.items() if task in found) == names


def test_who_is_ending_already_is_waited_for() -> None:
    pool, running = a_pool("1y 1y")
    running["0:1y:0"].verdict = "requeue"
    assert victims(a_task(2), pool, lambda node: False) == []


def test_a_node_whose_preparation_failed_is_left_alone() -> None:
    pool, _ = a_pool("1y 1y", "")
    barred = next(iter(pool.nodes.values()))
    (chosen,) = place(a_task(2), pool, lambda node: node is barred)
    assert chosen is not barred
    assert victims(a_task(2, slots=2), pool, lambda node: True) == []
