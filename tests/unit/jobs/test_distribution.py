"""Nodes, processes, tiers and containers: what a job may ask for, and what is said of the rest."""

from typing import Any

import pytest

from shared.jobs import InvalidDocument, dump, parse_job
from shared.jobs.distribution import process_counts
from tests.factories import a_document

#: As Azure ML's users write it.
WRITTEN: dict[str, dict[str, Any]] = {
    "pytorch": {
        "resources": {"instance_count": 2, "instance_type": "Standard_NC6s_v3"},
        "distribution": {"type": "pytorch", "process_count_per_instance": 4},
    },
    "pytorch, the least": {"distribution": {"type": "PyTorch"}},
    "mpi": {"distribution": {"type": "mpi", "process_count_per_instance": 2}},
    "tensorflow": {
        "resources": {"instance_count": 2},
        "distribution": {"type": "TensorFlow", "worker_count": 2},
    },
    "a container": {"resources": {"shm_size": "2g", "docker_args": "--ipc=host -e A='b c'"}},
    "spot": {"queue_settings": {"job_tier": "Spot", "priority": "High"}},
    "standard, on a compute": {"compute": "azureml:cpu", "queue_settings": {"priority": "low"}},
}


@pytest.mark.parametrize("fields", WRITTEN.values(), ids=WRITTEN)
def test_it_is_read_and_written_again(fields: dict[str, Any]) -> None:
    job = parse_job(a_document(**fields))
    assert parse_job(dump(job)) == job


#: Fields, the field that is named, what is said, and what is advised.
REFUSED: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "no type": ({"distribution": {}}, "distribution", "has no `type`", "pytorch"),
    "a strange type": ({"distribution": {"type": "horovod"}}, "distribution", "'horovod'", "mpi"),
    "ray": ({"distribution": {"type": "ray"}}, "distribution", "not supported yet", "command"),
    "a misspelt field": (
        {"distribution": {"type": "mpi", "process_count_per_instances": 2}},
        "distribution.process_count_per_instances",
        "unknown field",
        "did you mean 'process_count_per_instance'?",
    ),
    "no processes": (
        {"distribution": {"type": "mpi", "process_count_per_instance": 0}},
        "distribution.process_count_per_instance",
        "at least 1",
        "larger",
    ),
    "fewer workers than nodes": (
        {
            "resources": {"instance_count": 3},
            "distribution": {"type": "tensorflow", "worker_count": 2},
        },
        "distribution",
        "fewer processes than the 3 nodes",
        "worker_count",
    ),
    "no nodes": ({"resources": {"instance_count": 0}}, "resources.instance_count", "least 1", ""),
    "no VM size": (
        {"resources": {"instance_type": "gpu"}},
        "resources.instance_type",
        "'gpu' is not a VM size",
        "Standard_D2s_v3",
    ),
    "memory in words": ({"resources": {"shm_size": "much"}}, "resources.shm_size", "memory", "2g"),
    "half a quote": ({"resources": {"docker_args": "-e 'a"}}, "resources.docker_args", "split", ""),
    "a tier on a compute": (
        {"compute": "cpu", "queue_settings": {"job_tier": "spot"}},
        "queue_settings.job_tier",
        "a tier of its own",
        "compute",
    ),
    "elastic": (
        {"resources": {"max_instance_count": 3}},
        "resources.max_instance_count",
        "not",
        "",
    ),
}


@pytest.mark.parametrize(("fields", "field", "said", "advised"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_said(fields: dict[str, Any], field: str, said: str, advised: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        parse_job(a_document(**fields))
    (problem,) = refused.value.problems
    assert ".".join(map(str, problem.field)) == field
    assert said in problem.message
    assert advised in problem.remedy


COUNTS: dict[str, tuple[dict[str, Any] | None, int, list[int]]] = {
    "nothing said": (None, 3, [1, 1, 1]),
    "pytorch": ({"type": "pytorch", "process_count_per_instance": 4}, 2, [4, 4]),
    "workers": ({"type": "tensorflow"}, 2, [1, 1]),
    "workers and a server": ({"type": "tensorflow", "parameter_server_count": 1}, 2, [2, 1]),
    "workers of one node": ({"type": "tensorflow", "worker_count": 3}, 1, [3]),
}


@pytest.mark.parametrize(("fields", "nodes", "counts"), COUNTS.values(), ids=COUNTS)
def test_processes_by_node(fields: dict[str, Any] | None, nodes: int, counts: list[int]) -> None:
    document = a_document(**({"distribution": fields} if fields else {}))
    assert process_counts(parse_job(document).distribution, nodes) == counts
