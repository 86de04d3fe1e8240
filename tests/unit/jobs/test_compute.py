"""Computes: what a document may say, what is said of the rest; and docs/compute.md, which tells."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from shared.jobs import InvalidDocument, dump, named_compute, parse_document
from shared.jobs.compute import AmlCompute
from tests.factories import a_document

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/compute.md").read_text()
CLUSTER: dict[str, Any] = {
    "$schema": "https://azuremlschemas.azureedge.net/latest/amlCompute.schema.json ",
    "name": "low-pri-example",
    "type": "amlcompute",
    "size": "STANDARD_DS3_v2",
    "min_instances": 0,
    "max_instances": 2,
    "idle_time_before_scale_down": 120,
}

#: Name: fields on top, and what they come to.
WRITTEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "as it is": ({}, {"tier": "dedicated", "max_instances": 2}),
    "Azure ML's word for the tier": ({"tier": "lowpriority"}, {"tier": "low_priority"}),
    "the tier in capitals": ({"tier": "LowPriority"}, {"tier": "low_priority"}),
    "the type in capitals": ({"type": "AmlCompute"}, {"type": "amlcompute"}),
    "a region": ({"location": "westus"}, {"location": "westus"}),
    "tags": ({"tags": {"team": 1}}, {"tags": {"team": "1"}}),
}


@pytest.mark.parametrize(("fields", "become"), WRITTEN.values(), ids=WRITTEN)
def test_azure_ml_s_own_files_are_read(fields: dict[str, Any], become: dict[str, Any]) -> None:
    compute = parse_document({**CLUSTER, **fields})
    assert isinstance(compute, AmlCompute)
    plain = dump(compute)
    assert {name: plain[name] for name in become} == become
    assert parse_document(plain) == compute


def test_the_least_is_a_name() -> None:
    compute = parse_document({"name": "a"}, "compute")
    assert isinstance(compute, AmlCompute)
    assert (compute.min_instances, compute.max_instances, compute.size) == (0, 1, None)
    assert compute.idle_time_before_scale_down == 120


#: Name: fields on top, the field that is named, what is said, and what is advised.
REFUSED: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "a compute instance": (
        {"type": "computeinstance", "schedules": {}},
        "type",
        "'computeinstance' is not supported yet",
        "retrain up",
    ),
    "a virtual machine": ({"type": "virtualmachine"}, "type", "not supported yet", "amlcompute"),
    "spark": ({"type": "synapsespark"}, "type", "not supported yet", "spark-submit"),
    "kubernetes": ({"type": "Kubernetes"}, "type", "not supported yet", "amlcompute"),
    "another type": ({"type": "cluster"}, "type", "'amlcompute'", ""),
    "logins": ({"ssh_settings": {}}, "ssh_settings", "not supported yet", "leave it out"),
    "identity": ({"identity": {}}, "identity", "not supported yet", "short-lived"),
    "network": ({"network_settings": {}}, "network_settings", "not supported yet", "Azure Batch"),
    "a misspelt field": ({"max_instance": 1}, "max_instance", "unknown", "'max_instances'"),
    "a built-in name": ({"name": "Local"}, "name", "is built in", "another name"),
    "a strange name": ({"name": "a b"}, "name", "can't be a compute's name", "1 to 32"),
    "a long name": ({"name": "a" * 33}, "name", "can't be a compute's name", "1 to 32"),
    "a strange size": ({"size": "big"}, "size", "not a VM size", "Standard_D2s_v3"),
    "a strange tier": ({"tier": "cheap"}, "tier", "'low_priority'", ""),
    "fewer than none": ({"min_instances": -1}, "min_instances", "at least 0", ""),
    "none at most": ({"max_instances": 0}, "max_instances", "at least 1", ""),
    "out of order": (
        {"min_instances": 3},
        "min_instances",
        "3 is above max_instances, 2",
        "lower it",
    ),
    "a time in text": (
        {"idle_time_before_scale_down": "2m"},
        "idle_time_before_scale_down",
        "whole number",
        "",
    ),
}


@pytest.mark.parametrize(("fields", "field", "said", "advised"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_said(fields: dict[str, Any], field: str, said: str, advised: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        parse_document({**CLUSTER, **fields}, "compute")
    (problem,) = refused.value.problems
    assert ".".join(map(str, problem.field)) == field
    assert said in problem.message
    assert advised in problem.remedy


def test_what_a_job_names() -> None:
    names = {None: None, "local": None, "azureml:serverless": None, "azureml:CPU": "cpu"}
    assert {name: named_compute(name) for name in names} == names


def test_the_page_tells_each_field_and_its_files_are_the_examples() -> None:
    told = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| `[^|]*\|", PAGE, re.MULTILINE))))
    assert {*AmlCompute.field_names()} - {"$schema", "type"} <= told
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    cluster, job = (YAML(typ="safe").load(block) for block in blocks)
    example = YAML(typ="safe").load(ROOT / "examples/named-compute/compute.yml")
    assert cluster == example
    assert job.items() <= YAML(typ="safe").load(ROOT / "examples/distributed/job.yml").items()
    parse_document(a_document(**job))
