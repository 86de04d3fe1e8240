"""Inputs and outputs that are refused, and what is said of them; which inputs are local."""

from typing import Any

import pytest

from shared.jobs import CommandJob, DataInput, InvalidDocument, LiteralInput, parse_job


def given(inputs: Any, outputs: Any = None) -> CommandJob:
    document = {"command": "x", "environment": {"image": "python"}, "inputs": inputs}
    return parse_job(document | {"outputs": outputs})


#: Name: fields, the field that is named, what is said, and what is advised.
REFUSED: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "an input's name": ({"inputs": {"a-b": 1}}, "inputs.a-b", "variable's name", "letters"),
    "an input's value": ({"inputs": {"a": None}}, "inputs.a", "has no value", "write a value"),
    "a list as input": ({"inputs": {"a": [1]}}, "inputs.a", "an input is a text", "type: "),
    "an empty input": ({"inputs": {"a": {}}}, "inputs.a", "neither `type` nor `path`", "uri_file"),
    "an unknown input type": ({"inputs": {"a": {"type": "file"}}}, "inputs.a", "no input", "uri_"),
    "data without path": ({"inputs": {"a": {"type": "uri_file"}}}, "inputs.a.path", "is req", ""),
    "a mode of outputs": (
        {"inputs": {"a": {"path": "x", "mode": "upload"}}},
        "inputs.a.mode",
        "is for outputs",
        "mode: download",
    ),
    "a mode of tables": (
        {"inputs": {"a": {"path": "x", "mode": "eval_mount"}}},
        "inputs.a",
        "is for tables",
        "mltable",
    ),
    "no mode": (
        {"inputs": {"a": {"path": "x", "mode": "mount"}}},
        "inputs.a.mode",
        "there is no mode 'mount'",
        "ro_mount",
    ),
    "a folder at a web address": (
        {"inputs": {"a": {"path": "https://x/iris"}}},
        "inputs.a",
        "can't be listed",
        "uri_file",
    ),
    "a key in an address": (
        {"inputs": {"a": {"type": "uri_file", "path": "https://x/c/iris.csv?sp=r&sig=abc"}}},
        "inputs.a.path",
        "a key in it",
        "datastore create",
    ),
    "a user in an address": (
        {"inputs": {"a": {"type": "uri_file", "path": "https://me:secret@x/iris.csv"}}},
        "inputs.a.path",
        "a key in it",
        "datastore create",
    ),
    "a wasbs address without container": (
        {"inputs": {"a": {"path": "wasbs://acc.blob.core.windows.net/x"}}},
        "inputs.a.path",
        "not an address in Blob Storage",
        "wasbs://<container>@<account>",
    ),
    "a way out of a container": (
        {"inputs": {"a": {"path": "wasbs://data@acc.blob.core.windows.net/a/../../x"}}},
        "inputs.a.path",
        "'..' part",
        "root",
    ),
    "S3": ({"inputs": {"a": {"path": "s3://b/x"}}}, "inputs.a.path", "addresses like", "download"),
    "a shared registry": (
        {"inputs": {"a": {"path": "azureml://registries/azureml/models/x/versions/1"}}},
        "inputs.a.path",
        "assets of registries are not supported",
        "retrain data create",
    ),
    "a strange version": (
        {"inputs": {"a": {"path": "azureml:wine:../1"}}},
        "inputs.a.path",
        "names nothing registered",
        "<version>",
    ),
    "a strange datastore": (
        {"inputs": {"a": {"path": "azureml://datastores/mi-ne/paths/x"}}},
        "inputs.a.path",
        "can't be a datastore's name",
        "workspaceblobstore",
    ),
    "a way out": (
        {"inputs": {"a": {"path": "azureml://datastores/workspaceblobstore/paths/../x"}}},
        "inputs.a.path",
        "'..' part",
        "root",
    ),
    "a binding in a path": (
        {"inputs": {"a": {"path": "${{inputs.b}}/x"}, "b": 1}},
        "inputs.a.path",
        "${{inputs.b}} has no value here",
        "${{default_datastore}}",
    ),
    "infinity": ({"inputs": {"a": float("inf")}}, "inputs.a", "not a finite number", "quotes"),
    "NUL": ({"inputs": {"a": "\0"}}, "inputs.a", "NUL", "remove it"),
    "half a character": ({"inputs": {"a": "\ud800"}}, "inputs.a", "surrogate", "whole"),
    "a huge literal": ({"inputs": {"a": "x" * 40_000}}, "inputs.a", "40,000 bytes", "a file"),
    "a wrong default": (
        {"inputs": {"a": {"type": "integer", "default": "one"}}},
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
    "no output type": ({"outputs": {"a": {"type": "x"}}}, "outputs.a.type", "must be 'uri_", ""),
    "no output mode": ({"outputs": {"a": {"mode": "x"}}}, "outputs.a.mode", "no output mode", ""),
    "an output mount": (
        {"outputs": {"a": {"mode": "mount"}}},
        "outputs.a.mode",
        "no output mode",
        "mode: rw_mount",
    ),
    "a direct output": ({"outputs": {"a": {"mode": "direct"}}}, "outputs.a", "needs a `path`", ""),
    "a local output path": (
        {"outputs": {"a": {"path": "x"}}},
        "outputs.a.path",
        "can't be written to",
        "leave it out",
    ),
    "an output's name": (
        {"outputs": {"a": {"name": "my model"}}},
        "outputs.a.name",
        "can't be the name",
        "letters",
    ),
    "a version of nothing": (
        {"outputs": {"a": {"version": 1}}},
        "outputs.a",
        "without `name`",
        "add",
    ),
    "a file that is a folder": (
        {
            "outputs": {
                "a": {
                    "type": "uri_file",
                    "path": "azureml://datastores/workspaceblobstore/paths/x/",
                }
            }
        },
        "outputs.a",
        "is a folder",
        "name the file",
    ),
    "a binding in an output's path": (
        {
            "outputs": {
                "a": {"path": "azureml://datastores/workspaceblobstore/paths/${{inputs.x}}/x"}
            }
        },
        "outputs.a.path",
        "${{inputs.x}} has no value here",
        "${{name}}",
    ),
}


@pytest.mark.parametrize(("fields", "field", "said", "advised"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_said(fields: dict[str, Any], field: str, said: str, advised: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        given(fields.get("inputs"), fields.get("outputs"))
    problem = refused.value.problems[0]
    assert str(problem).startswith(f"{field}: ")
    assert said in problem.message
    assert advised in problem.remedy
    assert problem.remedy


def test_only_a_path_on_the_users_own_disk_is_local() -> None:
    job = given(
        {
            "here": {"path": "data/x"},
            "there": {"path": "azureml://datastores/workspaceblobstore/paths/x"},
        }
    )
    local = {name: item.local for name, item in job.inputs.items() if isinstance(item, DataInput)}
    assert local == {"here": True, "there": False}


#: Type, what is written, and what the script gets.
TYPED: dict[str, tuple[str, Any, str]] = {
    "a number in quotes": ("number", "0.10", "0.1"),
    "a number with an exponent": ("number", "1e-3", "0.001"),
    "a whole number as number": ("number", 3, "3"),
    "an integer in quotes": ("integer", "-12", "-12"),
    "an integer with a point": ("integer", 1e3, "1000"),
    "true in quotes": ("boolean", "true", "True"),
    "False in quotes": ("boolean", "False", "False"),
    "text stays text": ("string", "0.10", "0.10"),
}


@pytest.mark.parametrize(("kind", "written", "seen"), TYPED.values(), ids=TYPED)
def test_a_literal_is_of_its_type(kind: str, written: Any, seen: str) -> None:
    item = given({"a": {"type": kind, "default": written}}).inputs["a"]
    assert isinstance(item, LiteralInput)
    assert item.text == seen


NOT_TYPED: dict[str, tuple[str, Any, str]] = {
    "a number as text": ("string", 1.10, "put it in quotes"),
    "a fraction as integer": ("integer", 1.5, "type: number"),
    "a word as boolean": ("boolean", "yes", "type: string"),
    "an endless number": ("number", "1e999", "in quotes"),
}


@pytest.mark.parametrize(("kind", "written", "advised"), NOT_TYPED.values(), ids=NOT_TYPED)
def test_a_literal_of_another_type(kind: str, written: Any, advised: str) -> None:
    with pytest.raises(InvalidDocument, match=advised):
        given({"a": {"type": kind, "default": written}})


def test_a_strange_value_is_one_problem_each() -> None:
    with pytest.raises(InvalidDocument) as refused:
        given({"a": {"type": "number", "default": [1], "min": "0", "max": True, "enum": [None]}})
    assert [str(one).partition(";")[0] for one in refused.value.problems] == [
        "inputs.a.default: must be a text, number or boolean",
        "inputs.a.min: must be a number",
        "inputs.a.max: must be a number",
        "inputs.a.enum[0]: must be a text, number or boolean",
    ]
