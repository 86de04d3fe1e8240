"""Whatever is written: a model or problems, never another error; and what is read dumps alike."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs import KINDS, InvalidDocument, dump, parse_document
from shared.jobs.kinds import NOT_YET, WORDS, kind_of

NAMES = sorted(
    {name for kind in KINDS.values() for name in kind.model.field_names()}
    | {"component", "default", "min", "max", "enum", "path", "mode", "optional", "timeout", "jobs"}
    | {"conda_file", "build", "image", "dependencies", "pip", "expression", "frequency", "schedule"}
    | {"instance_count", "process_count_per_instance", "trial", "webhook", "events", "x", ""}
)
TEXTS = [
    *("command", "sweep", "uri_file", "uri_folder", "mltable", "integer", "number", "string"),
    *("boolean", "cron", "data", "recurrence", "amlcompute", "azure_blob", "custom_model", "mpi"),
    *("ro_mount", "direct", "eval_mount", "upload", "azureml:a:1", "azureml:a@latest", "azureml:"),
    *("azureml://datastores/workspaceblobstore/paths/a", "azureml://datastores/", "file:a.yml"),
    *("https://example.com/a", "wasbs://c@a.blob.core.windows.net/x", "abfss://c@a/x", "../a", "/"),
    *("python train.py ${{inputs.x}}", "$[[a ${{inputs.x}}]]", "${{trigger.path}}", "${{", "$[["),
    *("0 3 * * *", "0 0 30 2 *", "UTC", "Mars Time", "2026-01-01T00:00:00", "24h", "", " ", "\0"),
    *("\ud800", "a" * 300, "python:3.11", "echo '", "echo $((${{name}}))", "`", "\n", "é", "-1"),
]
_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(TEXTS) | st.text()
)
_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=20,
)
IMAGE = {"image": "python"}
JOB = {"command": "echo", "environment": IMAGE}
#: A document of each kind that is right, to be spoilt.
RIGHT: Mapping[str, Mapping[str, Any]] = {
    "job": JOB,
    "component": {"type": "command", "version": "1", **JOB},
    "schedule": {"name": "a", "trigger": {"type": "data", "path": "*"}, "create_job": JOB},
    "environment": {"name": "a", **IMAGE},
    "data": {"name": "a", "type": "uri_file", "path": "https://example.com/a"},
    "model": {"name": "a", "type": "custom_model", "path": "azureml://datastores/x/paths/a"},
    "compute": {"name": "a", "type": "amlcompute", "size": "Standard_D2s_v3"},
    "datastore": {
        "name": "a",
        "type": "azure_blob",
        "account_name": "account",
        "container_name": "data",
    },
}


def _check(document: Any, kind: str | None) -> None:
    try:
        model = parse_document(document, kind)
    except InvalidDocument as error:
        problems = error.problems
    else:
        plain = dump(model)
        json.dumps(plain)
        assert parse_document(plain, kind or kind_of(document)) == model
        return
    assert problems
    for problem in problems:
        assert problem.message
        assert all(isinstance(part, str | int) for part in problem.field)


@given(_values, st.none() | st.sampled_from(sorted(WORDS)))
def test_anything(document: Any, kind: str | None) -> None:
    _check(document, kind)


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(data=st.data())
def test_a_right_document_spoilt(kind: str, data: st.DataObject) -> None:
    names = [*KINDS[kind].model.field_names(), "component"]
    spoilt = data.draw(st.dictionaries(st.sampled_from(names), _values, min_size=1, max_size=3))
    _check({**RIGHT[kind], **spoilt}, kind)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_right_documents_are_right(kind: str) -> None:
    assert isinstance(parse_document(RIGHT[kind], kind), KINDS[kind].model)
    _check(RIGHT[kind], kind)


@given(_values)
def test_a_kind_is_always_a_known_one(document: Any) -> None:
    if isinstance(document, dict):
        assert kind_of(document) in {None, *WORDS, *NOT_YET}
