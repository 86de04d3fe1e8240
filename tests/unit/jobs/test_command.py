"""Command jobs: the forms that are accepted, and what is said of those that are not."""

from typing import Any

import pytest

from shared.jobs import CommandJob, DataInput, InvalidDocument, dump, parse_job

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
    "distribution": ({"distribution": {"type": "mpi"}}, "distribution", "not supported yet", "one"),
    "services": ({"services": {}}, "services", "not supported yet", "retrain job stream"),
    "identity": ({"identity": {}}, "identity", "not supported yet", "leave it out"),
    "shm_size": ({"resources": {"shm_size": "2g"}}, "resources.shm_size", "not supported yet", ""),
    "many nodes": (
        {"resources": {"instance_count": 2}},
        "resources.instance_count",
        "more than one node is not supported yet",
        "instance_count: 1",
    ),
    "a timeout of 0": ({"limits": {"timeout": 0}}, "limits.timeout", "more than 0", "larger"),
    "a timeout in text": ({"limits": {"timeout": "1h"}}, "limits.timeout", "a whole number", ""),
    "a timeout that is true": ({"limits": {"timeout": True}}, "limits.timeout", "whole", ""),
    "a fraction": ({"limits": {"timeout": 1.5}}, "limits.timeout", "whole number", ""),
    "limits as text": ({"limits": "1h"}, "limits", "must be a mapping", "name: value"),
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
    "an input's name": ({"inputs": {"a-b": 1}}, "inputs.a-b", "variable's name", "letters"),
    "an input's value": ({"inputs": {"a": None}}, "inputs.a", "has no value", "write a value"),
    "a list as input": ({"inputs": {"a": [1]}}, "inputs.a", "an input is a text", "type: "),
    "an empty input": ({"inputs": {"a": {}}}, "inputs.a", "neither `type` nor `path`", "uri_file"),
    "an unknown input type": ({"inputs": {"a": {"type": "file"}}}, "inputs.a", "no input", "uri_"),
    "an mltable": ({"inputs": {"a": {"type": "mltable"}}}, "inputs.a", "not supported yet", "uri"),
    "data without path": ({"inputs": {"a": {"type": "uri_file"}}}, "inputs.a.path", "is req", ""),
    "a mode": (
        {"inputs": {"a": {"path": "x", "mode": "direct"}}},
        "inputs.a.mode",
        "not supported for inputs yet",
        "mode: download",
    ),
    "no mode": (
        {"inputs": {"a": {"path": "x", "mode": "mount"}}},
        "inputs.a.mode",
        "there is no mode 'mount'",
        "ro_mount",
    ),
    "a web address": (
        {"inputs": {"a": {"type": "uri_file", "path": "https://x/iris.csv"}}},
        "inputs.a.path",
        "addresses like this are not supported yet",
        "retrain data upload",
    ),
    "a wasbs address": (
        {"inputs": {"a": {"path": "wasbs://d@a.blob.core.windows.net/x"}}},
        "inputs.a.path",
        "not supported yet",
        "datastores",
    ),
    "a data asset": (
        {"inputs": {"a": {"path": "azureml:wine@latest"}}},
        "inputs.a.path",
        "registered data assets are not supported yet",
        "local path",
    ),
    "a strange datastore": (
        {"inputs": {"a": {"path": "azureml://datastores/mine/paths/x"}}},
        "inputs.a.path",
        "no datastore 'mine'",
        "workspaceblobstore",
    ),
    "a way out": (
        {"inputs": {"a": {"path": "azureml://datastores/workspaceblobstore/paths/../x"}}},
        "inputs.a.path",
        "'..' part",
        "root",
    ),
    "infinity": ({"inputs": {"a": float("inf")}}, "inputs.a", "not a finite number", "quotes"),
    "NUL": ({"inputs": {"a": "\0"}}, "inputs.a", "NUL", "remove it"),
    "half a character": ({"inputs": {"a": "\ud800"}}, "inputs.a", "surrogate", "whole"),
    "a huge literal": ({"inputs": {"a": "x" * 40_000}}, "inputs.a", "40,000 bytes", "a file"),
    "a wrong default": (
        {"inputs": {"a": {"type": "integer", "default": "1"}}},
        "inputs.a",
        "of type string, not integer",
        "type: string",
    ),
    "no default": ({"inputs": {"a": {"type": "integer"}}}, "inputs.a", "no value", "optional"),
    "below min": (
        {"inputs": {"a": {"type": "integer", "default": 0, "min": 1}}},
        "inputs.a",
        "below min",
        "larger",
    ),
    "above max": (
        {"inputs": {"a": {"type": "number", "default": 2.5, "max": 2}}},
        "inputs.a",
        "above max",
        "smaller",
    ),
    "not in enum": (
        {"inputs": {"a": {"type": "string", "default": "c", "enum": ["a"]}}},
        "inputs.a",
        "not in enum",
        "use one of",
    ),
    "an output type": ({"outputs": {"a": {"type": "custom_model"}}}, "outputs.a.type", "yet", ""),
    "no output type": ({"outputs": {"a": {"type": "x"}}}, "outputs.a.type", "no output type", ""),
    "an output mode": ({"outputs": {"a": {"mode": "direct"}}}, "outputs.a.mode", "yet", "upload"),
    "no output mode": ({"outputs": {"a": {"mode": "x"}}}, "outputs.a.mode", "no output mode", ""),
    "an output path": ({"outputs": {"a": {"path": "x"}}}, "outputs.a.path", "yet", "leave it"),
    "a registered output": ({"outputs": {"a": {"name": "m"}}}, "outputs.a.name", "yet", "later"),
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
    "a component": (
        {"schema": f"{SCHEMA}commandComponent.schema.json", "type": "command"},
        "$schema",
        "'commandComponent' documents are not supported yet",
        "only command jobs",
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


def test_only_a_path_on_the_users_own_disk_is_local() -> None:
    job = parse_job(
        document(
            inputs={
                "here": {"path": "data/x"},
                "there": {"path": "azureml://datastores/workspaceblobstore/paths/x"},
            }
        )
    )
    local = {name: item.local for name, item in job.inputs.items() if isinstance(item, DataInput)}
    assert local == {"here": True, "there": False}


def test_every_field_is_described() -> None:
    models = [CommandJob]
    for model in models:
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"
