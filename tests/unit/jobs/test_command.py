"""Command jobs: the forms that are accepted, and what is said of those that are not."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import shared.jobs
from shared.jobs import CommandJob, InvalidDocument, check_resolved, dump, parse_job
from shared.jobs.document import Document

IMAGE = {"image": "docker.io/library/python:3.11"}


def document(**fields: Any) -> dict[str, Any]:
    """A job document that is right, with the fields changed; `...` leaves a field out."""
    whole = {"command": "python train.py", "environment": IMAGE} | fields
    return {name.replace("schema", "$schema"): v for name, v in whole.items() if v is not ...}


def test_the_least_job_has_azure_mls_defaults() -> None:
    job = parse_job(document())
    assert (job.type, job.experiment_name, job.code) == ("command", "Default", None)
    assert (job.resources.instance_count, job.limits.timeout) == (1, None)
    assert job.compute is None


SCHEMA = "https://azuremlschemas.azureedge.net/latest/"
ACCEPTED: dict[str, dict[str, Any]] = {
    "kind by schema": {"schema": f"{SCHEMA}commandJob.schema.json"},
    "kind by type": {"type": "command"},
    "everything": {
        "schema": f"{SCHEMA}commandJob.schema.json",
        "type": "command",
        "name": "wine-1",
        "display_name": "Wine: größer",
        "experiment_name": "wine",
        "description": "all of it",
        "tags": {"owner": "me", "year": 2026, "final": True},
        "properties": {"ticket": 12},
        "code": "../src",
        "inputs": {"rate": 0.1, "rows": 100, "fast": True, "label": "x", "data": {"path": "d"}},
        "outputs": {"model": None, "report": {"type": "uri_file", "mode": "upload"}},
        "environment_variables": {"NCCL_DEBUG": "INFO", "N": 3, "X": "${{inputs.rate}}"},
        "limits": {"timeout": 3600},
        "resources": {"instance_count": 1, "instance_type": "Standard_D2s_v3"},
        "compute": "azureml:cpu-cluster",
    },
    "empty mappings": {"inputs": None, "outputs": None, "environment_variables": None},
    "compute local": {"compute": "local"},
    "a typed literal": {"inputs": {"a": {"type": "number", "default": 1, "min": 0, "max": 2}}},
    "an enum": {"inputs": {"a": {"type": "string", "default": "b", "enum": ["a", "b"]}}},
    "an optional literal": {"inputs": {"a": {"type": "string", "optional": True}}},
    "data in a datastore": {
        "inputs": {
            "a": {
                "type": "uri_folder",
                "path": "azureml://datastores/workspaceblobstore/paths/a/b/",
                "mode": "download",
            }
        }
    },
    "the default datastore": {
        "inputs": {"a": {"path": "azureml://datastores/${{default_datastore}}/paths/a"}}
    },
    "an optional section": {
        "command": "train $[[--a ${{inputs.a}}]]",
        "inputs": {"a": {"type": "integer", "optional": True}},
    },
    "text that looks like a binding is data": {"inputs": {"a": "${{inputs.nothing}} $[["}},
}


@pytest.mark.parametrize("fields", ACCEPTED.values(), ids=ACCEPTED)
def test_a_job_is_read_and_written_alike(fields: dict[str, Any]) -> None:
    job = parse_job(document(**fields))
    assert parse_job(dump(job)) == job
    assert dump(parse_job(dump(job))) == dump(job)


def test_the_same_job_is_dumped_as_it_was_written() -> None:
    inputs = {"rate": 0.1, "n": {"type": "number", "default": 2, "optional": False}}
    assert dump(parse_job(document(inputs=inputs)))["inputs"] == inputs


#: Name: fields, the field that is named, what is said, and what is advised.
REFUSED: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "no command": ({"command": ...}, "command", "is required", "python train.py"),
    "an empty command": ({"command": ""}, "command", "is empty", "write"),
    "a blank command": ({"command": " \n"}, "command", "is empty", "write what to run"),
    "a null command": ({"command": None}, "command", "has no value", "write one"),
    "a list as command": ({"command": ["a"]}, "command", "must be text", "quotes"),
    "a misspelt field": ({"comand": "x"}, "comand", "unknown field", "mean 'command'?"),
    "a strange field": ({"zzz": 1}, "zzz", "unknown field", "the fields here are: $schema, type"),
    "no environment": ({"environment": ...}, "environment", "is required", "{image: "),
    "services": ({"services": {}}, "services", "not supported yet", "retrain job stream"),
    "identity": ({"identity": {}}, "identity", "not supported yet", "leave it out"),
    "a timeout of 0": ({"limits": {"timeout": 0}}, "limits.timeout", "more than 0", "larger"),
    "a timeout in text": ({"limits": {"timeout": "1h"}}, "limits.timeout", "a whole number", ""),
    "a timeout that is true": ({"limits": {"timeout": True}}, "limits.timeout", "whole", ""),
    "a fraction": ({"limits": {"timeout": 1.5}}, "limits.timeout", "whole number", ""),
    "limits as text": ({"limits": "1h"}, "limits", "must be a mapping", "name: value"),
    "code as in 2021": (
        {"code": {"local_path": "src"}},
        "code",
        "must be text",
        "`code: <folder>`",
    ),
    "a number as code": ({"code": 3}, "code", "must be text", "quotes"),
    "code by address": ({"code": "https://x/y"}, "code", "not supported yet", "machine"),
    "code in git": ({"code": "git+https://x/y"}, "code", "not supported yet", "machine"),
    "a name with spaces": ({"name": "a b"}, "name", "'a b' can't be a name", "1 to 64"),
    "compute by resource id": (
        {"compute": "azureml:/subscriptions/x"},
        "compute",
        "not supported yet",
        "azureml:<name>",
    ),
    "a strange compute": ({"compute": "a b"}, "compute", "is not a compute", "local"),
    "an environment variable's name": (
        {"environment_variables": {"A B": "x"}},
        "environment_variables.A B",
        "variable's name",
        "letters",
    ),
    "a reserved variable": (
        {"environment_variables": {"AZ_BATCH_TASK_ID": "x"}},
        "environment_variables.AZ_BATCH_TASK_ID",
        "names that begin with AZ_BATCH_ are taken",
        "another name",
    ),
    "values too long together": (
        {"inputs": dict.fromkeys("abcd", "x" * 30000)},
        "inputs",
        "too long together",
        "in a file",
    ),
    "a dangling input": (
        {"command": "echo ${{inputs.dtaa}}", "inputs": {"data": 1}},
        "command",
        "${{inputs.dtaa}} stands for nothing",
        "did you mean ${{inputs.data}}?",
    ),
    "an undeclared output": (
        {"command": "echo ${{outputs.model}}"},
        "command",
        "${{outputs.model}} stands for nothing",
        "declare 'model' under `outputs:`",
    ),
    "an undeclared input in a variable": (
        {"environment_variables": {"A": "${{inputs.zzz}}"}},
        "environment_variables.A",
        "${{inputs.zzz}} stands for nothing",
        "declare",
    ),
    "a strange binding": ({"command": "echo ${{nmae}}"}, "command", "nothing", "${{name}}?"),
    "a pipeline's binding": ({"command": "${{parent.inputs.a}}"}, "command", "nothing", "pipeline"),
    "a sweep's binding": ({"command": "${{search_space.a}}"}, "command", "nothing", "sweep jobs"),
    "an open binding": ({"command": "echo ${{inputs.a"}, "command", "never closed", "${{inputs."),
    "a trigger's binding": ({"command": "${{trigger.path}}"}, "command", "no value", "schedule"),
    "a trigger's path": (
        {"inputs": {"a": {"path": "${{trigger.path}}"}}},
        "inputs.a.path",
        "no value here",
        "schedule with a data trigger",
    ),
    "an optional input outside a section": (
        {
            "command": "echo ${{inputs.a}}",
            "inputs": {"a": {"type": "string", "optional": True}},
        },
        "command",
        "is optional and has no value",
        "$[[… ${{inputs.a}} …]]",
    ),
    "a section on nothing": ({"command": "a $[[--b]]"}, "command", "depends on no input", "$[[ ]]"),
    "an open section": ({"command": "a $[[--b"}, "command", "never closed", "]]"),
    "a binding in arithmetic": (
        {"command": "echo $((${{inputs.a}}+1))", "inputs": {"a": 1}},
        "command",
        "would be evaluated",
        "argument",
    ),
    "sweep": ({"type": "sweep"}, "type", "sweep jobs are not supported yet", "--set"),
    "pipeline": ({"type": "pipeline"}, "type", "pipeline jobs are not supported yet", "step"),
    "automl by schema": (
        {"schema": f"{SCHEMA}autoMLJob.schema.json"},
        "$schema",
        "automl jobs are not supported yet",
        "command job",
    ),
    "an environment": (
        {"schema": f"{SCHEMA}environment.schema.json"},
        "$schema",
        "this is an environment, not a job",
        "`retrain environment create -f`",
    ),
    "a schedule": ({"trigger": {}, "create_job": {}}, "", "this is a schedule", "schedule create"),
    "no such type": ({"type": "comand"}, "type", "there is no job type 'comand'", "command"),
}


@pytest.mark.parametrize(("fields", "field", "said", "advised"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_said(fields: dict[str, Any], field: str, said: str, advised: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        parse_job(document(**fields))
    first = str(refused.value).splitlines()[0]
    problem = refused.value.problems[0]
    assert first.startswith(f"{field}: " if field else problem.message)
    assert said in problem.message
    assert advised in problem.remedy
    assert problem.remedy


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InvalidDocument) as refused:
        parse_job({"comand": "x", "limits": {"timeout": -1, "tiemout": 1}, "code": 1})
    names = [".".join(map(str, problem.field)) for problem in refused.value.problems]
    assert names == ["comand", "code", "environment", "limits.tiemout", "limits.timeout"]


def test_a_document_is_a_mapping() -> None:
    with pytest.raises(InvalidDocument, match="must be a mapping"):
        parse_job(["command"])  # type: ignore[arg-type]


def _subclasses(model: type[Document]) -> Iterator[type[Document]]:
    for one in model.__subclasses__():
        yield one
        yield from _subclasses(one)


def test_every_field_is_described() -> None:
    models = [*_subclasses(Document)]
    assert CommandJob in models
    for model in models:
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"


def test_the_language_is_pure() -> None:
    impure = {"os", "pathlib", "time", "random", "uuid", "logging", "socket", "subprocess", "io"}
    for path in Path(shared.jobs.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not impure & {name.partition(".")[0] for name in names}, path.name


def test_includes_are_for_users_files_only() -> None:
    job = parse_job({"command": "a", "environment": IMAGE, "additional_includes": ["../lib"]})
    with pytest.raises(InvalidDocument) as refused:
        check_resolved(job)
    assert [problem.field for problem in refused.value.problems] == [("additional_includes",)]
